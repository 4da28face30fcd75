"""Activations, paddings, scales and biases that go into the operator beside them, and those that must not."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl

GENERATOR = np.random.default_rng(0)


def weight(*shape):
    return (GENERATOR.standard_normal(shape) * 0.3).astype(np.float32)


def options_of(built, operator):
    model = tfl.ModelT.InitFromPackedBuf(built.path.read_bytes(), 0)
    code = getattr(tfl.BuiltinOperator, operator)
    return [
        node.builtinOptions
        for node in model.subgraphs[0].operators
        if model.operatorCodes[node.opcodeIndex].builtinCode == code
    ]


ACTIVATIONS = {"RELU": "Relu(a)", "RELU6": "Clip(a, zero, six)", "RELU_N1_TO_1": "Clip(a, minus, one)"}
BOUNDS = {name: np.float32(value) for name, value in {"zero": 0, "six": 6, "minus": -1, "one": 1}.items()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("operator", "text", "weights"),
    [
        ("CONV_2D", "a = Conv(x, w)", {"w": weight(4, 3, 3, 3)}),
        ("DEPTHWISE_CONV_2D", "a = Conv<group=3>(x, w)", {"w": weight(3, 1, 3, 3)}),
        ("ADD", "s = Tanh(x) a = Add(x, s)", {}),
        ("MUL", "s = Tanh(x) a = Mul(x, s)", {}),
        ("SUB", "s = Tanh(x) a = Sub(x, s)", {}),
        ("DIV", "s = Sigmoid(x) a = Div(x, s)", {}),
        ("AVERAGE_POOL_2D", "a = AveragePool<kernel_shape=[2,2]>(x)", {}),
        ("MAX_POOL_2D", "a = MaxPool<kernel_shape=[2,2]>(x)", {}),
        ("FULLY_CONNECTED", "a = MatMul(x, w)", {"w": weight(6, 4)}),
    ],
)
def test_an_activation_is_fused(lite, operator, text, weights, activation):
    built = lite(
        f"(float[1,3,6,6] x) => (float[n,c,h,w] y) {{ {text} y = {ACTIVATIONS[activation]} }}", weights | BOUNDS
    )
    (options,) = options_of(built, operator)
    assert options.fusedActivationFunction == getattr(tfl.ActivationFunctionType, activation)
    assert activation not in built.ops


def test_an_activation_is_not_fused_where_others_want_what_comes_between(lite):
    built = lite(
        "(float[1,3,6,6] x) => (float[1,4,4,4] a, float[1,4,4,4] y) { a = Conv(x, w) y = Relu(a) }",
        {"w": weight(4, 3, 3, 3)},
    )
    assert built.ops["RELU"] == 1


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("pads", [(0, 0), (1, 1), (0, 1), (1, 0), (2, 2), (1, 2)])
def test_padding_is_exact_whatever_it_becomes(lite, size, stride, kernel, pads):
    before, after = pads
    if size + before + after < kernel:
        return
    built = lite(
        f"""(float[1,2,{size},{size}] x) => (float[1,3,h,w] y) {{
            y = Conv<strides=[{stride},{stride}], pads=[{before},{before},{after},{after}]>(x, w)
        }}""",
        {"w": weight(3, 2, kernel, kernel)},
    )
    (options,) = options_of(built, "CONV_2D")
    assert options.padding == tfl.Padding.VALID or "PAD" not in built.ops


def test_a_pad_node_becomes_same_where_it_is_the_same(lite):
    text = """(float[1,2,8,8] x) => (float[1,3,h,w] y) {{
        p = Pad(x, pads) y = Conv<strides=[{0},{0}]>(p, w)
    }}"""
    weights = {"w": weight(3, 2, 3, 3), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    assert "PAD" not in lite(text.format(1), weights).ops
    # With stride 2 on an even size SAME would pad at the end alone.
    assert lite(text.format(2), weights).ops["PAD"] == 1


def test_a_scale_and_a_shift_go_into_the_convolution(lite):
    built = lite(
        "(float[1,3,6,6] x) => (float[1,4,4,4] y) { a = Conv(x, w, b) m = Mul(a, s) y = Add(m, t) }",
        {"w": weight(4, 3, 3, 3), "b": weight(4), "s": weight(4, 1, 1), "t": weight(1, 4, 1, 1)},
    )
    assert set(built.ops) == {"CONV_2D", "TRANSPOSE"}


def test_batch_normalisation_goes_into_a_depthwise_convolution(lite):
    built = lite(
        """(float[1,3,6,6] x) => (float[1,6,4,4] y) {
            a = Conv<group=3>(x, w) y = BatchNormalization(a, s, t, m, v)
        }""",
        {"w": weight(6, 1, 3, 3), "s": weight(6), "t": weight(6), "m": weight(6), "v": np.abs(weight(6)) + 0.5},
    )
    assert set(built.ops) == {"DEPTHWISE_CONV_2D", "TRANSPOSE"}


def test_a_bias_goes_into_the_dense_layer(lite):
    built = lite(
        "(float[2,5,6] x) => (float[2,5,4] y) { a = MatMul(x, w) y = Add(a, b) }", {"w": weight(6, 4), "b": weight(4)}
    )
    assert built.ops == {"FULLY_CONNECTED": 1}


def test_a_constant_that_widens_the_result_stays_outside(lite):
    built = lite(
        "(float[1,6] x) => (float[3,4] y) { a = MatMul(x, w) y = Add(a, b) }", {"w": weight(6, 4), "b": weight(3, 4)}
    )
    assert built.ops == {"FULLY_CONNECTED": 1, "ADD": 1}
