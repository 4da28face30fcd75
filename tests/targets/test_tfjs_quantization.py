"""Q/DQ in TF.js: the same integers and the same reals as ONNX defines, computed in float32."""

import numpy as np
import pytest

HALVES = np.array([-400, -64.25, -2.5, -1.5, -0.5, -0.25, 0, 0.25, 0.5, 1.5, 2.5, 63.5, 64, 400], np.float32)


@pytest.mark.parametrize(
    ("dtype", "point"), [("int8", 0), ("int8", -3), ("uint8", 128), ("uint8", 0), ("int16", 0), ("uint16", 7)]
)
def test_there_and_back_by_one_grid_is_a_rounding_of_reals(tfjs, dtype, point):
    text = "(float[14] x) => (float[14] y) { q = QuantizeLinear (x, s, z) y = DequantizeLinear (q, s, z) }"
    weights = {"s": np.float32(0.5), "z": np.array(point, dtype)}
    built = tfjs(text, weights, feeds={"x": HALVES}, atol=0, opset=21)
    if dtype != "uint16":
        assert built.ops == {"ClipByValue": 1, "Mul": 1, "RealDiv": 1, "Round": 1}


@pytest.mark.parametrize(("dtype", "point"), [("int8", 5), ("uint8", 128), ("int16", 0)])
def test_integers_come_out_and_go_in(tfjs, dtype, point):
    weights = {"s": np.float32(0.1), "z": np.array(point, dtype)}
    text = f"(float[14] x) => ({dtype}[14] y) {{ y = QuantizeLinear (x, s, z) }}"
    out = tfjs(text, weights, feeds={"x": HALVES}, atol=0, opset=21)
    assert out.outputs["y"].dtype == np.int32
    assert out.artifact.narrowed == {"y": f"{dtype} → int32"}
    integers = {"x": np.array([np.iinfo(dtype).min, -1 if dtype != "uint8" else 1, 3, np.iinfo(dtype).max], np.int32)}
    text = f"({dtype}[4] x) => (float[4] y) {{ y = DequantizeLinear (x, s, z) }}"
    back = tfjs(text, weights, feeds=integers, atol=0, opset=21)
    assert back.ops.keys() - {"Cast", "Mul"} <= {"AddV2", "Sub"}


def test_a_scale_for_each_channel(tfjs):
    text = """(float[2,3,4] x) => (float[2,3,4] y) {
        q = QuantizeLinear <axis = 1> (x, s, z) y = DequantizeLinear <axis = 1> (q, s, z)
    }"""
    weights = {"s": np.array([0.1, 0.02, 3], np.float32), "z": np.array([0, 3, -5], np.int8)}
    tfjs(text, weights, atol=0)


def test_a_quantized_network_computes_what_its_nodes_say(tfjs):
    draw = np.random.default_rng(0)
    text = """(float[1,4,8,8] x) => (float[1,6,6,6] y) {
        xq = QuantizeLinear (x, xs, xz) xr = DequantizeLinear (xq, xs, xz)
        wr = DequantizeLinear <axis = 0> (w, ws) br = DequantizeLinear <axis = 0> (b, bs)
        c = Conv (xr, wr, br) r = Relu (c)
        yq = QuantizeLinear (r, ys, yz) y = DequantizeLinear (yq, ys, yz)
    }"""
    scales = draw.uniform(0.5, 2, 6).astype(np.float32) / 127
    weights = {
        "xs": np.float32(0.02), "xz": np.array(3, np.uint8), "ys": np.float32(0.05), "yz": np.array(0, np.uint8),
        "w": draw.integers(-127, 128, (6, 4, 3, 3)).astype(np.int8), "ws": scales,
        "b": draw.integers(-2000, 2000, 6).astype(np.int32), "bs": scales * np.float32(0.02),
    }  # fmt: skip
    built = tfjs(text, weights, atol=0.05)  # a sum beside the middle between two steps may round to the other one
    reference = built.outputs["y"]
    assert built.ops["_FusedConv2D"] == 1
    assert np.isin(np.rint(reference / 0.05), np.arange(256)).all()
