"""TVM: convolutions and pooling over windows of every padding, stride, dilation and grouping agree with onnxruntime."""

import numpy as np
import pytest

GENERATOR = np.random.default_rng(7)


def normal(*shape):
    return GENERATOR.standard_normal(shape).astype(np.float32)


CONVOLUTIONS = {
    "plain": ("", (6, 4, 3, 3)),
    "one_by_one": ("", (5, 4, 1, 1)),
    "strided": ("strides = [2, 3], pads = [1, 0, 2, 1]", (6, 4, 3, 3)),
    "dilated": ("dilations = [2, 1], pads = [2, 2, 0, 1]", (6, 4, 3, 2)),
    "depthwise": ("group = 4, pads = [1, 1, 1, 1]", (4, 1, 3, 3)),
    "depthwise_twice": ("group = 4, strides = [2, 2], pads = [0, 1, 1, 0]", (8, 1, 3, 3)),
    "grouped": ("group = 2, pads = [1, 1, 1, 1]", (6, 2, 3, 3)),
    "same_upper": ('auto_pad = "SAME_UPPER", strides = [2, 2]', (3, 4, 4, 3)),
    "same_lower": ('auto_pad = "SAME_LOWER", strides = [2, 2]', (3, 4, 4, 3)),
    "valid": ('auto_pad = "VALID"', (3, 4, 2, 2)),
}


def test_convolutions_of_images(tvm_agrees):
    nodes, weights = [], {}
    for name, (attributes, shape) in CONVOLUTIONS.items():
        weights[f"{name}_w"], weights[f"{name}_b"] = normal(*shape), normal(shape[0])
        nodes.append(f"{name} = Conv<{attributes}>(x, {name}_w, {name}_b)".replace("<>", ""))
    outputs = ", ".join(f"float[n,c_{name},h_{name},w_{name}] {name}" for name in CONVOLUTIONS)
    text = f"(float[2,4,9,8] x) => ({outputs}) {{ {' '.join(nodes)} }}"
    tvm_agrees(text, {"x": (2, 4, 9, 8)}, weights)


def test_convolutions_of_lines_and_volumes(tvm_agrees):
    tvm_agrees(
        """(float[2,4,11] x, float[1,2,5,6,4] v) => (float[a,b,c] line, float[d,e,f,g,h] volume) {
            line = Conv<group = 2, strides = [2], pads = [1, 2], dilations = [2]>(x, w1)
            volume = Conv<strides = [1, 2, 1], pads = [1, 0, 1, 0, 1, 0]>(v, w3, b3)
        }""",
        {"x": (2, 4, 11), "v": (1, 2, 5, 6, 4)},
        {"w1": normal(6, 2, 3), "w3": normal(3, 2, 2, 3, 2), "b3": normal(3)},
    )


def test_a_weight_that_is_an_input(tvm_agrees):
    tvm_agrees(
        """(float[1,4,6,6] x, float[6,2,3,3] w, float[4,3,3,2] t) => (float[a,b,c,d] y, float[e,f,g,h] z) {
            y = Conv<group = 2>(x, w)
            z = ConvTranspose<group = 2, strides = [2, 1]>(x, t)
        }""",
        {"x": (1, 4, 6, 6), "w": (6, 2, 3, 3), "t": (4, 3, 3, 2)},
    )


TRANSPOSED = {
    "plain": ("", (4, 3, 3, 3)),
    "strided": ("strides = [2, 3], pads = [1, 0, 1, 2], output_padding = [1, 2]", (4, 3, 3, 3)),
    "dilated": ("strides = [2, 2], dilations = [2, 1]", (4, 3, 2, 3)),
    "grouped": ("group = 2, strides = [2, 2]", (4, 3, 2, 2)),
    "shaped": ("strides = [2, 2], output_shape = [11, 10]", (4, 2, 3, 3)),
    "same": ('auto_pad = "SAME_UPPER", strides = [2, 2]', (4, 2, 3, 3)),
    "gaps": ("strides = [3, 3]", (4, 2, 2, 1)),
}


def test_transposed_convolutions(tvm_agrees):
    nodes, weights = [], {}
    for name, (attributes, shape) in TRANSPOSED.items():
        groups = 2 if "group" in attributes else 1
        weights[f"{name}_w"], weights[f"{name}_b"] = normal(*shape), normal(shape[1] * groups)
        nodes.append(f"{name} = ConvTranspose<{attributes}>(x, {name}_w, {name}_b)".replace("<>", ""))
    outputs = ", ".join(f"float[n,c_{name},h_{name},w_{name}] {name}" for name in TRANSPOSED)
    tvm_agrees(f"(float[1,4,5,5] x) => ({outputs}) {{ {' '.join(nodes)} }}", {"x": (1, 4, 5, 5)}, weights)


POOLS = {
    "largest": "MaxPool<kernel_shape = [3, 2], strides = [2, 2], pads = [1, 0, 1, 1]>",
    "largest_up": "MaxPool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>",
    "largest_apart": "MaxPool<kernel_shape = [2, 2], dilations = [2, 3]>",
    "mean": "AveragePool<kernel_shape = [2, 2], strides = [2, 2]>",
    "mean_padded": "AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>",
    "mean_with_padding": "AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1>",
    "mean_up": "AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1, "
    "count_include_pad = 1>",
    "mean_apart": "AveragePool<kernel_shape = [2, 2], dilations = [2, 2], pads = [1, 0, 0, 1]>",
    "norm": "LpPool<kernel_shape = [2, 3], strides = [1, 2], pads = [1, 0, 0, 1], p = 3>",
    "all": "GlobalAveragePool",
    "most": "GlobalMaxPool",
}


def test_pooling(tvm_agrees):
    outputs = ", ".join(f"float[n,c,h_{name},w_{name}] {name}" for name in POOLS)
    nodes = " ".join(f"{name} = {operator} (x)" for name, operator in POOLS.items())
    tvm_agrees(f"(float[1,3,8,7] x) => ({outputs}) {{ {nodes} }}", {"x": (1, 3, 8, 7)}, opset=22)


def test_of_several_largest_the_first_has_its_place(tvm_agrees):
    x = np.random.default_rng(1).integers(0, 3, (2, 2, 7, 6)).astype(np.float32)
    tvm_agrees(
        """(float[2,2,7,6] x) => (float[n,c,h,w] y, int64[n,c,h,w] p, float[n,c,i,j] z, int64[n,c,i,j] q) {
            y, p = MaxPool<kernel_shape = [3, 2], strides = [2, 2], pads = [1, 1, 1, 0]>(x)
            z, q = MaxPool<kernel_shape = [2, 3], dilations = [2, 1], storage_order = 1>(x)
        }""",
        {"x": x},
        opset=22,
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('y = MaxPool<kernel_shape = [1, 1], strides = [1, 2], auto_pad = "SAME_UPPER">(x)', "auto_pad SAME"),
        ("y = AveragePool<kernel_shape = [1, 1], pads = [1, 0, 0, 0]>(x)", "lies in the padding alone"),
        ("y = MaxPool<kernel_shape = [2, 2], pads = [2, 0, 0, 0]>(x)", "lies in the padding alone"),
    ],
)
def test_windows_on_which_runtimes_disagree_are_refused(tvm_refusal, text, why):
    assert why in tvm_refusal(f"(float[1,1,4,4] x) => (float[a,b,c,d] y) {{ {text} }}")
