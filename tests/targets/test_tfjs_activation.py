"""Activations in TF.js, and what it says by several operators."""

import numpy as np
import pytest

EDGES = np.array([-np.inf, -100, -6, -3, -1, -0.5, -1e-6, 0, 1e-6, 0.5, 1, 3, 6, 100, np.inf], np.float32)


def run(tfjs, node, x=EDGES, weights=None, **options):
    return tfjs(f"(float[{x.size}] x) => (float[{x.size}] y) {{ y = {node} }}", weights, feeds={"x": x}, **options)


@pytest.mark.parametrize(
    ("node", "ops"),
    [
        ("Relu (x)", {"Relu": 1}),
        ("LeakyRelu <alpha = 0.1> (x)", {"LeakyRelu": 1}),
        ("Sigmoid (x)", {"Sigmoid": 1}),
        ("Tanh (x)", {"Tanh": 1}),
        ("Elu (x)", {"Elu": 1}),
    ],
)
def test_an_operator_of_its_own(tfjs, node, ops):
    assert run(tfjs, node).ops == ops


@pytest.mark.parametrize(
    ("node", "count"),
    [
        ("HardSwish (x)", 4),
        ("Gelu (x)", 5),
        ('Gelu <approximate = "tanh"> (x)', 8),
        ("HardSigmoid <alpha = 0.1666666667, beta = 0.5> (x)", 3),
        ("Elu <alpha = 2.0> (x)", 6),
        ("Celu <alpha = 2.0> (x)", 3),
        ("Selu (x)", 6),
        ("Mish (x)", 9),
        ("Softplus (x)", 7),
        ("Softsign (x)", 3),
        ("Erf (x)", 14),
        ("ThresholdedRelu <alpha = 0.7> (x)", 2),
        ("Shrink <lambd = 0.7, bias = 0.2> (x)", 6),
    ],
)
def test_what_several_operators_say(tfjs, node, count):
    assert sum(run(tfjs, node, EDGES[1:-1]).ops.values()) <= count


@pytest.mark.parametrize(("low", "high", "op"), [(0, 6, "Relu6"), (-1, 1, "ClipByValue")])
def test_a_clip_that_is_an_activation(tfjs, low, high, op):
    weights = {"low": np.float32(low), "high": np.float32(high)}
    assert op in run(tfjs, "Clip (x, low, high)", weights=weights).ops


@pytest.mark.parametrize(
    ("text", "ops"),
    [
        ("Max (x, p)", {"ClipByValue": 1}),
        ("Min (p, x)", {"ClipByValue": 1}),
        ("Clip (x, n, p)", {"ClipByValue": 1}),
        ("Clip (x, , p)", {"ClipByValue": 1}),
        ("HardSigmoid <alpha = 0.3, beta = 0.4> (x)", {"AddV2": 1, "ClipByValue": 1, "Mul": 1}),
    ],
)
def test_bounds_are_one_operator(tfjs, text, ops):
    built = run(tfjs, text, EDGES[1:-1], weights={"n": np.float32(-1.5), "p": np.float32(0.75)})
    assert built.ops == ops


def test_a_bound_that_others_see_stays_a_bound_of_its_own(tfjs):
    text = "(float[5] x) => (float[5] y, float[5] z) { y = Max (x, n) z = Min (y, p) }"
    assert tfjs(text, {"n": np.float32(-1.5), "p": np.float32(0.75)}).ops == {"ClipByValue": 2}


@pytest.mark.parametrize("activation", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [-1, 1])
def test_a_softmax_along_any_axis(tfjs, activation, axis):
    tfjs(f"(float[2,3,4,5] x) => (float[2,3,4,5] y) {{ y = {activation} <axis = {axis}> (x) }}")


def test_a_softmax_of_large_numbers_does_not_overflow(tfjs):
    x = np.array([[1000, 999, -1000], [-1e30, 0, 1e30]], np.float32)
    built = tfjs("(float[2,3] x) => (float[2,3] y) { y = Softmax (x) }", feeds={"x": x})
    np.testing.assert_allclose(built.outputs["y"][0], [0.7310586, 0.2689414, 0], atol=1e-6)


@pytest.mark.parametrize("slope", [(), (1,), (5,), (3, 1, 1), (1, 4, 5), (3, 4, 5), (2, 1, 1, 1)])
def test_a_learned_slope_of_any_shape(tfjs, slope):
    weights = {"a": np.random.default_rng(0).uniform(-0.5, 0.5, slope).astype(np.float32)}
    tfjs("(float[2,3,4,5] x) => (float[2,3,4,5] y) { y = PRelu (x, a) }", weights)


def test_a_slope_for_each_channel_is_one_operator_where_channels_lie_last(tfjs):
    text = """(float[1,4,6,6] x) => (float[1,8,4,4] y) { c = Conv (x, w) p = PRelu (c, a) y = Conv (p, v) }"""
    draw = np.random.default_rng(0)
    shapes = {"w": (8, 4, 3, 3), "a": (8, 1, 1), "v": (8, 8, 1, 1)}
    built = tfjs(text, {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()})
    assert built.ops == {"Conv2D": 2, "Prelu": 1, "Transpose": 2}


def test_local_response_normalization(tfjs):
    text = "(float[2,7,4,5] x) => (float[2,7,4,5] y) { y = LRN <size = 3, alpha = 0.002, beta = 0.6, bias = 1.5> (x) }"
    assert tfjs(text).ops["LRN"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "(float[2,5,16] x) => (float[2,5,16] y) { y = LayerNormalization <axis = -1> (x, s, b) }",
        "(float[2,16,5] x) => (float[2,16,5] y) { y = InstanceNormalization (x, s, b) }",
        "(float[2,16,4,5] x) => (float[2,16,4,5] y) { y = BatchNormalization (x, s, b, b, v) }",
    ],
)
def test_normalizations(tfjs, text):
    draw = np.random.default_rng(0)
    weights = {name: draw.uniform(0.5, 1.5, 16).astype(np.float32) for name in "sbv"}
    tfjs(text, weights if "(x, s, b, b, v)" in text else {name: weights[name] for name in "sb"})


@pytest.mark.parametrize("operator", ["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"])
def test_comparisons_along_inner_axes_are_exact_however_large_the_integers(tfjs, operator):
    edges = np.array([0, 1, 255, 256, 2**24 - 1, 2**24, 2**24 + 1, 2**31 - 1, -(2**24) - 1, -(2**31)], np.int32)
    weights = {"c": np.array([*range(254), 2**24 - 1, 1 - 2**24], np.int32)}
    x = np.resize(edges, (20, 1))
    text = f"(int32[20,1] x) => (bool[20,256] y) {{ y = {operator} (x, c) }}"
    built = tfjs(text, weights, feeds={"x": x}, atol=0)
    assert built.ops["AddV2"] == 1
    outside = f"(int32[20,1] x, int32[1,256] c) => (bool[20,256] y) {{ y = {operator} (x, c) }}"
    assert "AddV2" not in tfjs(outside, feeds={"x": x, "c": x[:1].repeat(256, 1)}, atol=0).ops


@pytest.mark.parametrize("operator", ["Equal", "Less", "GreaterOrEqual"])
def test_comparisons_along_inner_axes_of_numbers_that_are_none(tfjs, operator):
    edges = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-45, -1e-45, 3e38], np.float32)
    feeds = {"x": np.resize(edges, (24, 1)), "z": np.resize(edges[::-1], (1, 200))}
    built = tfjs(
        f"(float[24,1] x, float[1,200] z) => (bool[24,200] y) {{ y = {operator} (x, z) }}", feeds=feeds, atol=0
    )
    assert built.ops["AddV2"] == 1
