"""Convolutions and pooling in TF.js: fused where the kernels do it, exact wherever they are strange."""

import base64
import json

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.tfjs.target import TFJS

DRAW = np.random.default_rng(7)


def drawn(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


def fused_ops(path):
    """What each node of a file that takes operators in has taken in, by its own operator."""
    nodes = json.loads(path.read_text())["modelTopology"]["node"]
    return {
        node["op"]: [base64.b64decode(op).decode() for op in node["attr"]["fused_ops"]["list"]["s"]]
        for node in nodes
        if "fused_ops" in node.get("attr", {})
    }


CONV = {"w": drawn(8, 4, 3, 3), "b": drawn(8)}


@pytest.mark.parametrize(
    ("conv", "shape"),
    [
        ("Conv <pads = [1,1,1,1]>", (9, 8)),
        ("Conv <pads = [1,1,1,1], strides = [2,2]>", (5, 4)),  # SAME would pad the even side behind alone
        ("Conv <pads = [0,2,1,0], strides = [2,1]>", (4, 8)),
        ('Conv <auto_pad = "SAME_LOWER", strides = [2,2]>', (5, 4)),
        ("Conv <dilations = [2,3]>", (5, 2)),
        ("Conv <dilations = [2,2], strides = [2,2], pads = [2,2,2,2]>", (5, 4)),
        ("Conv <dilations = [2,2], strides = [3,2], pads = [2,1,2,2]>", (3, 4)),
    ],
)
def test_a_convolution_of_any_window_has_its_bias_in_it(tfjs, conv, shape):
    built = tfjs(f"(float[2,4,9,8] x) => (float[2,8,{shape[0]},{shape[1]}] y) {{ y = {conv} (x, w, b) }}", CONV)
    kept = {"_FusedConv2D", "Transpose"} | ({"StridedSlice"} if "dilations" in conv and "strides" in conv else set())
    assert set(built.ops) == kept
    assert built.ops["_FusedConv2D"] == 1


@pytest.mark.parametrize(
    ("activation", "fused"),
    [
        ("Relu", ["BiasAdd", "Relu"]),
        ("Clip", ["BiasAdd", "Relu6"]),
        ("Elu", ["BiasAdd", "Elu"]),
        ("Sigmoid", ["BiasAdd", "Sigmoid"]),
        ("LeakyRelu <alpha = 0.3>", ["BiasAdd", "LeakyRelu"]),
    ],
)
@pytest.mark.parametrize("kind", ["convolution", "depthwise", "product"])
def test_the_activations_that_all_kernels_apply_are_applied_by_them(tfjs, activation, fused, kind):
    weights = {"low": np.float32(0), "high": np.float32(6)} if activation == "Clip" else {}
    act = f"{activation} (c, low, high)" if activation == "Clip" else f"{activation} (c)"
    if kind == "product":
        text = f"(float[5,16] x) => (float[5,8] y) {{ c = Gemm (x, w, b) y = {act} }}"
        built, op = tfjs(text, {"w": drawn(16, 8), "b": drawn(8), **weights}), "_FusedMatMul"
    elif kind == "convolution":
        text = f"(float[1,4,6,6] x) => (float[1,8,4,4] y) {{ c = Conv (x, w, b) y = {act} }}"
        built, op = tfjs(text, {**CONV, **weights}), "_FusedConv2D"
    else:
        text = f"(float[1,8,6,6] x) => (float[1,8,4,4] y) {{ c = Conv <group = 8> (x, w, b) y = {act} }}"
        built, op = tfjs(text, {"w": drawn(8, 1, 3, 3), "b": drawn(8), **weights}), "FusedDepthwiseConv2dNative"
    if kind == "depthwise" and activation.startswith("LeakyRelu"):  # TF.js would take an alpha of 0 there
        assert fused_ops(built.path) == {op: ["BiasAdd"]}
        assert built.ops["LeakyRelu"] == 1
    else:
        assert fused_ops(built.path) == {op: fused}


def test_an_activation_of_a_value_that_others_want_stays_apart(tfjs):
    text = """(float[1,4,6,6] x) => (float[1,8,4,4] y, float[1,8,4,4] z) {
        c = Conv (x, w, b) y = Sigmoid (c) z = Exp (c)
    }"""
    assert tfjs(text, CONV).ops["Sigmoid"] == 1


def test_a_convolution_without_bias_or_activation_has_none(tfjs):
    built = tfjs("(float[1,4,6,6] x) => (float[1,8,4,4] y) { y = Conv (x, w) }", {"w": CONV["w"]})
    assert built.ops == {"Conv2D": 1, "Transpose": 2}


def test_a_depthwise_convolution_may_give_several_channels_of_each(tfjs):
    window = "group = 4, strides = [2,2], pads = [1,1,1,1]"
    text = f"(float[1,4,6,6] x) => (float[1,12,3,3] y) {{ y = Conv <{window}> (x, w, b) }}"
    built = tfjs(text, {"w": drawn(12, 1, 3, 3), "b": drawn(12)})
    assert built.ops == {"FusedDepthwiseConv2dNative": 1, "Transpose": 2}


def test_groups_are_convolved_one_by_one(tfjs):
    text = "(float[1,6,6,6] x) => (float[1,9,4,4] y) { c = Conv <group = 3> (x, w, b) y = Relu (c) }"
    built = tfjs(text, {"w": drawn(9, 2, 3, 3), "b": drawn(9)})
    assert built.ops == {"ConcatV2": 1, "Split": 1, "Transpose": 2, "_FusedConv2D": 3}


def test_filters_of_groups_that_are_no_constants_are_refused(tfjs_refusal):
    text = "(float[1,6,6,6] x, float[9,2,3,3] w) => (float[1,9,4,4] y) { y = Conv <group = 3> (x, w) }"
    assert tfjs_refusal(text) == {"Conv": "3 groups with filters or a bias that are no constants"}


@pytest.mark.parametrize("groups", [1, 4])
def test_filters_may_come_from_outside(tfjs, groups):
    text = f"""(float[1,4,6,6] x, float[4,{4 // groups},3,3] w, float[4] b) => (float[1,4,4,4] y) {{
        y = Conv <group = {groups}> (x, w, b)
    }}"""
    tfjs(text)


def test_a_convolution_over_one_axis_is_one_over_two(tfjs):
    text = "(float[2,4,20] x) => (float[2,8,9] y) { y = Conv <strides = [2], pads = [0,1]> (x, w, b) }"
    assert tfjs(text, {"w": drawn(8, 4, 4), "b": drawn(8)}).ops["_FusedConv2D"] == 1


@pytest.mark.parametrize(
    ("conv", "sizes"),
    [
        ("Conv", (4, 5, 3)),
        ("Conv <strides = [2,1,2], pads = [1,0,1,0,1,1]>", (3, 6, 3)),
        ("Conv <dilations = [2,1,1]>", (2, 5, 3)),
        ('Conv <strides = [4,4,4], auto_pad = "SAME_UPPER">', (2, 2, 2)),
    ],
)
def test_a_convolution_over_three_axes(tfjs, conv, sizes):
    text = f"(float[1,3,6,7,5] x) => (float[1,4,{sizes[0]},{sizes[1]},{sizes[2]}] y) {{ y = {conv} (x, w, b) }}"
    tfjs(text, {"w": drawn(4, 3, 3, 3, 3), "b": drawn(4)})


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize(
    "kind", ["", "<strides = [2,3], pads = [1,0,0,1]>", "<strides = [2,2], output_padding = [1,1]>"]
)
def test_a_transposed_convolution(tfjs, kind, constant):
    w, b = drawn(4, 3, 3, 3), drawn(3)
    text = f"(float[1,4,5,4] x, float[4,3,3,3] w) => (float[N,M,H,W] y) {{ y = ConvTranspose {kind} (x, w, b) }}"
    if constant:
        built = tfjs(text.replace(", float[4,3,3,3] w", ""), {"w": w, "b": b})
        assert built.ops["Conv2DBackpropInput"] == 1
    else:
        tfjs(text, {"b": b})


@pytest.mark.parametrize("kind", ["", "<strides = [2,1,3]>", "<strides = [3,3,3], pads = [1,0,1,0,1,1]>"])
def test_a_transposed_convolution_over_three_axes_is_one_between_zeros(tfjs, kind):
    weights = {"w": drawn(2, 3, 2, 3, 2), "b": drawn(3)}
    text = f"(float[1,2,3,4,3] x) => (float[N,M,D,H,W] y) {{ y = ConvTranspose {kind} (x, w, b) }}"
    assert tfjs(text, weights).ops["Conv3D"] == 1


@pytest.mark.parametrize("pool", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "window",
    [
        "kernel_shape = [2,2], strides = [2,2]",
        "kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]",
        'kernel_shape = [3,2], strides = [2,2], auto_pad = "SAME_UPPER"',
        "kernel_shape = [1,1], strides = [2,3]",
        "kernel_shape = [1,1]",
        "kernel_shape = [2,2], strides = [3,3]",
        "kernel_shape = [1,4], strides = [2,1]",
        "kernel_shape = [2,2], dilations = [2,2]",
        "kernel_shape = [3,3], strides = [2,2], ceil_mode = 1",
    ],
)
def test_pooling_over_any_window(tfjs, pool, window):
    tfjs(f"(float[2,3,9,8] x) => (float[N,C,H,W] y) {{ y = {pool} <{window}> (x) }}")


def test_an_average_leaves_padding_out_or_counts_it(tfjs):
    for count in (0, 1):
        window = f"kernel_shape = [3,3], pads = [1,1,1,1], count_include_pad = {count}"
        tfjs(f"(float[1,2,5,5] x) => (float[N,C,H,W] y) {{ y = AveragePool <{window}> (x) }}")


@pytest.mark.parametrize("pool", ["MaxPool", "AveragePool", "LpPool"])
def test_pooling_over_one_and_three_axes(tfjs, pool):
    tfjs(f"(float[1,2,9] x) => (float[N,C,W] y) {{ y = {pool} <kernel_shape = [3], strides = [2]> (x) }}")
    tfjs(f"(float[1,2,5,4,6] x) => (float[N,C,D,H,W] y) {{ y = {pool} <kernel_shape = [2,2,3]> (x) }}")


def test_images_may_come_and_go_channels_last(tfjs):
    text = "(float[1,4,6,6] x) => (float[1,8,4,4] y) { y = Conv (x, w, b) }"
    first = tfjs(text, CONV)
    last = tfjs(
        text,
        CONV,
        layout={"x": "NHWC", "y": "NHWC"},
        feeds={"x": first.feeds["x"].transpose(0, 2, 3, 1)},
        expected={"y": first.outputs["y"].transpose(0, 2, 3, 1)},
        atol=0,
    )
    assert last.ops == {"_FusedConv2D": 1}
    assert [(spec.shape, spec.layout) for spec in last.artifact.signature.inputs] == [((1, 6, 6, 4), "NHWC")]


def test_a_layout_that_there_is_not_is_refused(convnet):
    with pytest.raises(Exception, match="layout of 'image': 'HWNC' does not fit"):
        TFJS().coverage(convnet, Options(variant="fp32", dims={"batch": 1}, layout={"image": "HWNC"}))
