"""Activations and bounds, where Core ML's own differ from ONNX's by a detail."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WIDE = np.concatenate([np.linspace(-12, 12, 97), [-1e4, -90, 90, 1e4, np.inf, -np.inf]]).astype(np.float32)


@pytest.mark.parametrize(
    ("node", "operations"),
    [
        ("Relu(x)", {"relu"}),
        ("LeakyRelu<alpha=0.3>(x)", {"leaky_relu"}),
        ("Elu<alpha=2.0>(x)", {"elu"}),
        ("Selu(x)", {"elu", "mul"}),
        ("HardSigmoid<alpha=0.1,beta=0.6>(x)", {"sigmoid_hard"}),
        ("Softplus(x)", {"softplus"}),
        ("Softsign(x)", {"softsign"}),
        ("Sigmoid(x)", {"sigmoid"}),
        ("Tanh(x)", {"tanh"}),
        ("ThresholdedRelu<alpha=2.0>(x)", {"greater", "select"}),
        ('Gelu<approximate="none">(x)', {"gelu"}),
        ('Gelu<approximate="tanh">(x)', {"gelu"}),
        ("HardSwish(x)", {"sigmoid_hard", "mul"}),
        ("Mish(x)", {"softplus", "tanh", "mul"}),
    ],
)
def test_activations_are_said_by_few_operations_over_the_whole_range(coreml, node, operations):
    x = WIDE[:-2]
    built = coreml(f"(float[{len(x)}] x) => (float[{len(x)}] y) {{ y = {node} }}", {"x": x}, opset=22)
    assert set(built.operations) == operations
    with np.errstate(all="ignore"):
        (wanted,) = reference(built, {"x": x})
    np.testing.assert_allclose(built.outputs["y"], wanted, rtol=2e-6, atol=2e-7)


def reference(built, feeds):
    import onnx_ir as ir

    return ReferenceEvaluator(ir.to_proto(built.model.ir)).run(None, feeds)


def test_at_its_threshold_thresholded_relu_gives_zero(coreml):
    x = np.array([0.5, 1.0, 1.5], np.float32)
    got = coreml("(float[3] x) => (float[3] y) { y = ThresholdedRelu<alpha=1.0>(x) }", {"x": x}, opset=22)
    assert got.outputs["y"].tolist() == [0, 0, 1.5]


@pytest.mark.parametrize("alpha", [1.0, 1.7])
def test_swish_with_and_without_a_factor(coreml, alpha):
    text = f"(float[3] x) => (float[3] y) {{ y = Swish<alpha={alpha}>(x) }}"
    x = np.array([-2, 0.5, 3], np.float32)
    built = coreml(text, {"x": x}, opset=24)
    np.testing.assert_allclose(built.outputs["y"], x / (1 + np.exp(-alpha * x)), rtol=1e-6)
    assert ("silu" in built.operations) == (alpha == 1.0)


@pytest.mark.parametrize(
    ("shape", "slopes", "native"),
    [
        ((2, 3, 4, 5), (3, 1, 1), True),
        ((2, 3, 4, 5), (1,), True),
        ((2, 3, 4, 5), (5,), False),
        ((2, 3, 4), (3, 1), False),
        ((2, 3, 4), (), True),
        ((2, 3), (3,), False),
    ],
)
def test_slopes_of_every_shape(coreml, shape, slopes, native):
    generator = np.random.default_rng(2)
    x = generator.standard_normal(shape).astype(np.float32)
    slope = generator.standard_normal(slopes).astype(np.float32)
    sizes = ",".join(map(str, shape))
    text = f"(float[{sizes}] x) => (float[{sizes}] y) {{ y = PRelu(x, s) }}"
    built = coreml(text, {"x": x}, {"s": slope})
    np.testing.assert_allclose(built.outputs["y"], np.where(x < 0, x * slope, x), rtol=1e-6)
    assert ("select" not in built.operations) == native


@pytest.mark.parametrize(
    ("low", "high", "operations"),
    [
        (0.0, 6.0, {"relu6"}),
        (-1.0, 1.0, {"clip"}),
        (0.0, None, {"relu"}),
        (None, 2.0, {"minimum"}),
        (-1.0, None, {"maximum"}),
        (3.0, 3.0, {"maximum", "minimum"}),
        (3.0, -3.0, {"maximum", "minimum"}),
    ],
)
def test_bounds(coreml, low, high, operations):
    weights = {name: np.float32(value) for name, value in (("low", low), ("high", high)) if value is not None}
    names = ", ".join(name if name in weights else '""' for name in ("low", "high")).replace('""', "")
    text = f"(float[{len(WIDE)}] x) => (float[{len(WIDE)}] y) {{ y = Clip(x, {names.rstrip(', ')}) }}"
    built = coreml(text, {"x": WIDE}, weights)
    wanted = np.minimum(np.maximum(WIDE, -np.inf if low is None else low), np.inf if high is None else high)
    np.testing.assert_array_equal(built.outputs["y"], wanted)
    assert set(built.operations) == operations


@given(low=st.floats(-3, 3, width=32), high=st.floats(-3, 3, width=32))
@FEW
def test_bounds_that_are_inputs(coreml, low, high):
    x = np.linspace(-4, 4, 9, dtype=np.float32)
    text = "(float[9] x, float low, float high) => (float[9] y) { y = Clip(x, low, high) }"
    got = coreml(text, {"x": x, "low": np.float32(low), "high": np.float32(high)}).outputs["y"]
    np.testing.assert_array_equal(got, np.minimum(np.maximum(x, np.float32(low)), np.float32(high)))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_log_softmax_of_what_softmax_rounds_to_zero(coreml, axis):
    x = np.array([[0, -200, 300], [1, 50, -1000]], np.float32)
    text = f"(float[2,3] x) => (float[2,3] y) {{ y = LogSoftmax<axis={axis}>(x) }}"
    got = coreml(text, {"x": x}).outputs["y"]
    wide = x.astype(np.float64)
    peak = wide.max(axis, keepdims=True)
    wanted = wide - peak - np.log(np.exp(wide - peak).sum(axis, keepdims=True))
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_log_softmax_far_from_zero(coreml):
    x = np.full((1, 4), -1e4, np.float32)
    got = coreml("(float[1,4] x) => (float[1,4] y) { y = LogSoftmax(x) }", {"x": x}).outputs["y"]
    np.testing.assert_allclose(got, -np.log(4), rtol=1e-6)


def test_hardmax_takes_the_first_of_several(coreml):
    x = np.array([[1, 3, 3], [2, 2, 2], [0, -1, 5]], np.float32)
    got = coreml("(float[3,3] x) => (float[3,3] y) { y = Hardmax(x) }", {"x": x}).outputs["y"]
    assert got.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_relu_of_integers(coreml):
    got = coreml("(int32[3] x) => (int32[3] y) { y = Relu(x) }", {"x": np.array([-2, 0, 7], np.int32)}).outputs["y"]
    assert got.tolist() == [0, 0, 7]
