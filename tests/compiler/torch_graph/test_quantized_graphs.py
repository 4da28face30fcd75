"""Integers that stand for reals: as PyTorch's quantized graphs have them, or by ONNX's own arithmetic."""

import numpy as np
import torch
from onnx import helper, numpy_helper

from edgewright.compiler.torch_graph.dtypes import tensor_from
from edgewright.compiler.torch_graph.graph import to_torch

WEIGHTS = {
    "s": np.float32(0.05),
    "z": np.int8(3),
    "w": np.random.default_rng(0).integers(-127, 128, (6, 4)).astype(np.int8),
    "ws": np.linspace(0.01, 0.02, 4, dtype=np.float32),
    "wz": np.zeros(4, np.int8),
    "b": np.array([100, -200, 300, 0], np.int32),
    "bs": np.linspace(0.0005, 0.001, 4, dtype=np.float32),
}
LINEAR = """(float[2,6] x) => (float[2,4] y) {
    q = QuantizeLinear(x, s, z)
    d = DequantizeLinear(q, s, z)
    dw = DequantizeLinear<axis=1>(w, ws, wz)
    db = DequantizeLinear<axis=0>(b, bs)
    y = Gemm(d, dw, db)
}"""


def targets(module):
    return [str(node.target) for node in module.graph.nodes if node.op == "call_function"]


def test_a_quantized_layer_is_what_pytorchs_quantized_graphs_have(proto_of, hub_of, compute, reference):
    proto = proto_of(LINEAR, WEIGHTS)
    module = to_torch(hub_of(proto)).whole()
    names = [name.rpartition("quantized_decomposed.")[2] for name in targets(module)]
    assert names[:3] == [
        "quantize_per_tensor.default",
        "dequantize_per_tensor.default",
        "dequantize_per_channel.default",
    ]
    matrix = next(node for node in module.graph.nodes if "dequantize_per_channel" in str(node.target))
    assert matrix.args[3] == 0, "the matrix is transposed as `linear` wants it, and its axis with it"
    x = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    exported = torch.export.export(module, (tensor_from(x),), strict=False).module()
    for made in (module, exported):
        np.testing.assert_allclose(compute(made, [x])[0], reference(proto, [x])[0], rtol=1e-5, atol=1e-5)


def test_integers_that_are_seen_are_divided_and_rounded_to_even(said):
    # 1 / 0.1 in float32 is 10, and 0.25 · 10 a half that goes to even; 3 · (1 / 3) is where products and quotients part
    scale, zero = np.float32(0.1), np.uint8(7)
    x = np.concatenate([np.arange(-2000, 3000, dtype=np.float32) * np.float32(0.05), [np.inf, -np.inf]]).astype(
        np.float32
    )
    (got,) = said("(float[N] x) => (uint8[N] y) { y = QuantizeLinear(x, s, z) }", [x], {"s": scale, "z": zero})
    np.testing.assert_array_equal(got, np.clip(np.rint(x / scale) + 7, 0, 255).astype(np.uint8))


def test_blocks_of_four_bits_become_reals(hub_of, compute):
    rng = np.random.default_rng(2)
    integers = rng.integers(-8, 8, (6, 3))
    scales = rng.uniform(0.1, 1, (2, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=3),
            helper.make_node("MatMul", ["x", "d"], ["y"]),
        ],
        "blocks",
        [helper.make_tensor_value_info("x", 1, [2, 6])],
        [helper.make_tensor_value_info("y", 1, [2, 3])],
        [
            helper.make_tensor("w", 22, [6, 3], integers.ravel().tolist()),
            numpy_helper.from_array(scales, "s"),
        ],
    )  # 22 is INT4
    proto = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    x = rng.normal(size=(2, 6)).astype(np.float32)
    (got,) = compute(to_torch(hub_of(proto)).whole(), [x])
    np.testing.assert_allclose(got, x @ (integers * scales.repeat(3, 0)), rtol=1e-5, atol=1e-6)


def test_all_zeros_are_quantized_by_their_range_without_dividing_by_it(said):
    text = "(float[3] x) => (uint8[3] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear(x) }"
    y, scale, zero = said(text, [np.zeros(3, np.float32)])
    assert (y.tolist(), float(scale), int(zero)) == ([0, 0, 0], 1.0, 0)
