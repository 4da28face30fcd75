"""Core ML: LSTM, GRU and RNN as MIL's own operations where those are the same, else step by step."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(0)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, WIDTH, HIDDEN = 5, 2, 3, 4


def weight(*shape):
    return (RANDOM.standard_normal(shape) * 0.5).astype(np.float32)


def text_of(op, extra="", direction="forward", layout=0, more="", batch=BATCH):
    count = 2 if direction == "bidirectional" else 1
    lead = f"{batch},{STEPS}" if layout else f"{STEPS},{batch}"
    whole = f"{batch},{STEPS},{count}" if layout else f"{STEPS},{count},{batch}"
    last = f"{batch},{count}" if layout else f"{count},{batch}"
    memory = f", float[{last},{HIDDEN}] c" if op == "LSTM" else ""
    return (
        f"(float[{lead},{WIDTH}] x{extra}) => (float[{whole},{HIDDEN}] y, float[{last},{HIDDEN}] h{memory})"
        f' {{ y, h{", c" if memory else ""} = {op}<hidden_size = {HIDDEN}, direction = "{direction}"'
        f"{', layout = 1' if layout else ''}{{}}>(x, w, r{more}) }}"
    )


def weights(op, direction="forward"):
    count, rows = 2 if direction == "bidirectional" else 1, GATES[op] * HIDDEN
    return {"w": weight(count, rows, WIDTH), "r": weight(count, rows, HIDDEN), "b": weight(count, 2 * rows)}


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "RNN"])
def test_whole_sequences_are_run_by_one_operation(coreml_agrees, op, direction):
    text = text_of(op, direction=direction, more=", b").replace("{}", "")
    made = coreml_agrees(text, {"x": (STEPS, BATCH, WIDTH)}, weights(op, direction))
    assert made.operations[op.lower()] == (2 if direction == "bidirectional" and op != "LSTM" else 1)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "RNN"])
def test_states_may_come_from_outside(coreml_agrees, op, direction):
    count = 2 if direction == "bidirectional" else 1
    shape = (count, BATCH, HIDDEN)
    states = "".join(f", float[{count},{BATCH},{HIDDEN}] {name}" for name in ("i", "j")[: 1 + (op == "LSTM")])
    more = ", b, , i" + (", j" if op == "LSTM" else "")
    feeds = {"x": (STEPS, BATCH, WIDTH), "i": shape} | ({"j": shape} if op == "LSTM" else {})
    text = text_of(op, states, direction, more=more).replace("{}", "")
    made = coreml_agrees(text, feeds, weights(op, direction))
    assert op.lower() in made.operations


def test_a_gru_that_resets_after_the_product_is_written_out(coreml_agrees):
    text = text_of("GRU", more=", b").replace("{}", ", linear_before_reset = 1")
    assert "gru" not in coreml_agrees(text, {"x": (STEPS, BATCH, WIDTH)}, weights("GRU")).operations


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_a_gru_of_one_sequence_is_one_operation_a_direction(coreml_agrees, direction):
    text = text_of("GRU", direction=direction, more=", b", batch=1).replace("{}", "")
    made = coreml_agrees(text, {"x": (STEPS, 1, WIDTH)}, weights("GRU", direction))
    assert made.operations["gru"] == (2 if direction == "bidirectional" else 1)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_sequences_may_end_before(coreml_agrees, op, direction):
    text = text_of(op, f", int32[{BATCH}] n", direction, more=", b, n").replace("{}", "")
    feeds = {"x": (STEPS, BATCH, WIDTH), "n": np.array([2, 5], np.int32)}
    coreml_agrees(text, feeds, weights(op, direction))


@pytest.mark.parametrize("op", GATES)
def test_weights_may_be_computed(coreml_agrees, op):
    own = weights(op)
    kinds = {name: f"float[{','.join(map(str, array.shape))}]" for name, array in own.items()}
    extra = "".join(f", {kind} {name}" for name, kind in kinds.items())
    coreml_agrees(text_of(op, extra, more=", b").replace("{}", ""), {"x": (STEPS, BATCH, WIDTH), **own})


def test_peepholes(coreml_agrees):
    own = weights("LSTM") | {"p": weight(1, 3 * HIDDEN)}
    coreml_agrees(text_of("LSTM", more=", b, , , , p").replace("{}", ""), {"x": (STEPS, BATCH, WIDTH)}, own)


@pytest.mark.parametrize(
    ("op", "names"),
    [
        ("RNN", ["Relu"]),
        ("RNN", ["LeakyRelu"]),
        ("RNN", ["Softsign"]),
        ("GRU", ["HardSigmoid", "Elu"]),
        ("GRU", ["Sigmoid", "Softplus"]),
        ("LSTM", ["HardSigmoid", "Relu", "ScaledTanh"]),
        ("LSTM", ["Sigmoid", "Tanh", "Relu"]),
    ],
)
def test_gates_apply_what_the_node_says(coreml_agrees, op, names):
    numbers = {"LeakyRelu": (0.2, None), "HardSigmoid": (0.3, 0.6), "Elu": (0.7, None), "ScaledTanh": (0.8, 0.9)}
    alpha = [numbers[name][0] for name in names if name in numbers]
    beta = [numbers[name][1] for name in names if name in numbers and numbers[name][1] is not None]
    said = f", activations = {str(names).replace(chr(39), chr(34))}"
    said += f", activation_alpha = {alpha}" if alpha else ""
    said += f", activation_beta = {beta}" if beta else ""
    coreml_agrees(text_of(op, more=", b").replace("{}", said), {"x": (STEPS, BATCH, WIDTH)}, weights(op))


@pytest.mark.parametrize("op", ["GRU", "RNN"])
def test_what_comes_into_a_gate_may_be_clipped(coreml_agrees, op):
    coreml_agrees(text_of(op, more=", b").replace("{}", ", clip = 0.25"), {"x": (STEPS, BATCH, WIDTH)}, weights(op))


def test_a_clipped_lstm_is_refused(coreml_refusal):
    assert "clips" in coreml_refusal(text_of("LSTM", more=", b").replace("{}", ", clip = 0.5"), weights("LSTM"))


def test_coupled_gates_are_refused(coreml_refusal):
    assert "coupled" in coreml_refusal(text_of("LSTM", more=", b").replace("{}", ", input_forget = 1"), weights("LSTM"))


def test_too_many_steps_are_not_written_out(coreml_refusal):
    text = text_of("GRU", more=", b").replace("{}", "").replace(f"[{STEPS},", "[513,")
    assert "513 steps" in coreml_refusal(text, weights("GRU"))
