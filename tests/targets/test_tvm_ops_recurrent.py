"""TVM: LSTM, GRU and RNN with all their options agree with onnxruntime, and stay one loop however long they run."""

import numpy as np
import pytest

from edgewright.targets.tvm.emit import emit

GENERATOR = np.random.default_rng(3)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, WIDTH, HIDDEN = 5, 3, 4, 8
LENGTHS = np.array([5, 2, 4], np.int32)


def drawn(*shape):
    return (GENERATOR.standard_normal(shape) * 0.5).astype(np.float32)


def layers(op, lines):
    """Write a graph of layers of one operator, `{name: (attributes, inputs behind the bias)}`, and their weights."""
    gates, nodes, outputs, weights = GATES[op], [], [], {"lengths": LENGTHS}
    for name, (attributes, behind) in lines.items():
        both = 2 if "bidirectional" in attributes else 1
        weights[f"{name}_w"], weights[f"{name}_r"] = (
            drawn(both, gates * HIDDEN, WIDTH),
            drawn(both, gates * HIDDEN, HIDDEN),
        )
        weights[f"{name}_b"], weights[f"{name}_s"] = drawn(both, 2 * gates * HIDDEN), drawn(both, BATCH, HIDDEN)
        weights[f"{name}_c"], weights[f"{name}_p"] = drawn(both, BATCH, HIDDEN), drawn(both, 3 * HIDDEN)
        inputs = ["x", *(f"{name}_{one}" for one in "wrb"), *(one.format(name) for one in behind)]
        results = [f"{name}_y", f"{name}_h", *([f"{name}_m"] if op == "LSTM" else [])]
        nodes.append(f"{', '.join(results)} = {op}<hidden_size = {HIDDEN}{attributes}>({', '.join(inputs)})")
        outputs += [f"float[s,{both},n,h] {results[0]}", *(f"float[{both},n,h] {one}" for one in results[1:])]
    text = f"(float[{STEPS},{BATCH},{WIDTH}] x) => ({', '.join(outputs)}) {{ {' '.join(nodes)} }}"
    return text, {name: array for name, array in weights.items() if name in text}


LAYERS = {
    "LSTM": {
        "plain": ("", ()),
        "back": (', direction = "reverse"', ("", "{}_s", "{}_c")),
        "both": (', direction = "bidirectional"', ("lengths", "{}_s", "{}_c", "{}_p")),
        "bent": (', activations = ["HardSigmoid", "Relu", "Softsign"]', ("lengths",)),
    },
    "GRU": {
        "plain": ("", ()),
        "after": (", linear_before_reset = 1", ("lengths",)),
        "both": (', direction = "bidirectional", linear_before_reset = 1', ("", "{}_s")),
        "back": (', direction = "reverse"', ("lengths", "{}_s")),
    },
    "RNN": {
        "plain": ("", ()),
        "both": (', direction = "bidirectional", activations = ["Relu", "Tanh"]', ("lengths", "{}_s")),
        "held": (", clip = 0.3", ()),
        "scaled": (', activations = ["ScaledTanh"], activation_alpha = [0.7], activation_beta = [0.3]', ()),
    },
}


@pytest.mark.parametrize("op", LAYERS)
def test_layers_agree(tvm_agrees, op):
    text, weights = layers(op, LAYERS[op])
    tvm_agrees(text, {"x": (STEPS, BATCH, WIDTH)}, weights)


def test_weights_that_are_inputs(tvm_agrees):
    shapes = {"x": (3, 2, 4), "w": (1, 9, 4), "r": (1, 9, 3), "b": (1, 18)}
    inputs = ", ".join(f"float[{','.join(map(str, shape))}] {name}" for name, shape in shapes.items())
    node = "y, h = GRU<hidden_size = 3, linear_before_reset = 1>(x, w, r, b)"
    tvm_agrees(f"({inputs}) => (float[s,d,n,u] y, float[d,n,u] h) {{ {node} }}", shapes)


def test_a_long_sequence_is_one_function(hub_of_text):
    model = hub_of_text(
        "(float[400,1,4] x) => (float[400,1,1,8] y) { y = LSTM<hidden_size = 8>(x, w, r) }",
        {"w": drawn(1, 32, 4), "r": drawn(1, 32, 8)},
    )
    functions = [one.name_hint for one in emit(model).module.get_global_vars()]
    assert len(functions) == 2, functions  # main, and the loop


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (", input_forget = 1", "coupled"),
        (", clip = 1.0", "leaves open"),
        (', activations = ["Affine", "Tanh", "Tanh"]', "without its numbers"),
    ],
)
def test_options_on_which_runtimes_disagree_are_refused(tvm_refusal, attributes, why):
    text = f"(float[2,1,4] x) => (float[s,d,n,u] y) {{ y = LSTM<hidden_size = 2{attributes}>(x, w, r) }}"
    assert why in tvm_refusal(text, {"w": drawn(1, 8, 4), "r": drawn(1, 8, 2)})
