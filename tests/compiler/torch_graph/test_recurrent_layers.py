"""LSTM, GRU and RNN as one layer: as ONNX Runtime computes them, step by step and as an exported scan."""

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper

from edgewright.compiler.torch_graph.dtypes import tensor_from
from edgewright.compiler.torch_graph.graph import to_torch

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, ENTRIES, UNITS = 5, 3, 4, 2


def layer(operator, given=(), constant=True, **attributes):
    """Make a model of one layer; `given` names its inputs behind the weights that it has."""
    rng = np.random.default_rng(0)
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    width = GATES[operator] * UNITS
    arrays = {
        "w": rng.normal(size=(directions, width, ENTRIES)).astype(np.float32),
        "r": rng.normal(size=(directions, width, UNITS)).astype(np.float32),
        "b": rng.normal(size=(directions, 2 * width)).astype(np.float32),
        "lengths": np.array([STEPS, 2, 4], np.int32),
        "hidden": rng.normal(size=(directions, BATCH, UNITS)).astype(np.float32),
        "memory": rng.normal(size=(directions, BATCH, UNITS)).astype(np.float32),
        "peephole": rng.normal(size=(directions, 3 * UNITS)).astype(np.float32),
    }
    x = rng.normal(size=(STEPS, BATCH, ENTRIES)).astype(np.float32)
    names = [name if name in ("w", "r", *given) else "" for name in arrays]
    names = names[: len(names) if operator == "LSTM" else 5]
    used = {name: arrays[name] for name in names if name}
    results = ["y", "last", "memories"][: 3 if operator == "LSTM" else 2]
    state = helper.make_tensor_value_info("last", 1, [directions, BATCH, UNITS])
    outputs = [helper.make_tensor_value_info("y", 1, [STEPS, directions, BATCH, UNITS]), state]
    outputs += [helper.make_tensor_value_info("memories", 1, [directions, BATCH, UNITS])] if operator == "LSTM" else []
    inputs = {"x": x} if constant else {"x": x, **used}
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *names], results, hidden_size=UNITS, **attributes)],
        "layer",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in inputs.items()
        ],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in used.items()] if constant else [],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)]), [*inputs.values()]


LAYERS = {
    "an LSTM of both directions with all that there is": layer(
        "LSTM", ("b", "lengths", "hidden", "memory", "peephole"), direction="bidirectional"
    ),
    "an LSTM backwards": layer("LSTM", ("b",), direction="reverse"),
    "a GRU that resets before": layer("GRU", ("b", "lengths"), direction="reverse"),
    "a GRU that resets after, clipped": layer("GRU", ("b", "hidden"), linear_before_reset=1, clip=0.5),
    "a GRU that resets after, without a bias": layer("GRU", linear_before_reset=1),
    "an RNN of other activations": layer(
        "RNN", ("b",), direction="bidirectional", activations=["Affine", "LeakyRelu"], activation_alpha=[0.5, 0.2],
        activation_beta=[0.1],
    ),
    "weights known at run time only": layer("LSTM", ("b", "peephole"), constant=False, direction="reverse"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_what_onnx_runtime_gives_also_when_it_is_exported(name, hub_of, compute, reference):
    proto, arrays = LAYERS[name]
    module = to_torch(hub_of(proto)).whole()
    exported = torch.export.export(module, tuple(map(tensor_from, arrays)), strict=False)
    operators = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    assert torch.ops.higher_order.scan in operators
    wanted = reference(proto, arrays)
    for made in (module, exported.module()):
        for got, expected in zip(compute(made, arrays), wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)  # sums of a dozen products in another order


def test_a_long_layer_is_a_handful_of_operators(proto_of, hub_of):
    weights = {"w": np.ones((1, 8, 4), np.float32), "r": np.ones((1, 8, 2), np.float32)}
    proto = proto_of("(float[300,1,4] x) => (float[300,1,1,2] y) { y = LSTM<hidden_size=2>(x, w, r) }", weights)
    exported = torch.export.export(to_torch(hub_of(proto)).whole(), (torch.ones(300, 1, 4),), strict=False)
    assert len(exported.graph.nodes) < 30


@pytest.mark.parametrize("operator", GATES)
def test_gradients_reach_the_weights_of_a_layer(operator, hub_of):
    proto, (x,) = layer(operator, ("b",))
    module = to_torch(hub_of(proto)).whole()
    module(tensor_from(x))[0].square().sum().backward()
    assert {name.rpartition(".")[2]: bool(each.grad.abs().sum() > 0) for name, each in module.named_parameters()} == {
        "weight": True,
        "recurrent": True,
        "bias": True,
    }


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"clip": 1.0}, "it clips its gates, and ONNX leaves open whether its memory too"),
        ({"input_forget": 1}, "its input and forget gates are coupled"),
    ],
)
def test_what_onnx_leaves_open_is_refused(attributes, reason, hub_of):
    proto, _ = layer("LSTM", **attributes)
    assert to_torch(hub_of(proto)).coverage.refused[0].detail == reason
