"""Arithmetic, comparisons, casts and activations of the interpreter, against NumPy, PyTorch and the documentation."""

import math

import numpy as np
import pytest

F32 = np.float32
X = np.array([-3.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 7.0], F32)


def test_two_shapes_are_broadcast(mil):
    got = mil("add", x=np.ones((2, 1), F32), y=np.arange(3, dtype=F32))
    assert got.tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("add", [-5, 9, 4]),
        ("sub", [-9, 5, -2]),
        ("mul", [-14, 14, 3]),
        ("floor_div", [-4, 3, 0]),
        ("mod", [1, 1, 1]),
        ("maximum", [2, 7, 3]),
        ("minimum", [-7, 2, 1]),
    ],
)
def test_whole_numbers_stay_whole(mil, operation, expected):
    """A quotient is rounded towards negative infinity, and a remainder has the divisor's sign."""
    got = mil(operation, x=np.array([-7, 7, 1], np.int32), y=np.array([2, 2, 3], np.int32))
    assert (got.dtype, got.tolist()) == (np.int32, expected)


def test_whole_numbers_wrap_around(mil):
    assert mil("add", x=np.int32(2**31 - 1), y=np.int32(1)) == -(2**31)


def test_a_quotient_of_whole_numbers_that_is_none_is_an_error(mil):
    assert mil("real_div", x=np.int32(6), y=np.int32(3)) == 2
    with pytest.raises(ValueError, match="real_div 'it': its result is no int32; what becomes of it is not documented"):
        mil("real_div", x=np.int32(7), y=np.int32(3))


@pytest.mark.parametrize("operation", ["floor_div", "mod", "real_div"])
def test_a_whole_number_divided_by_zero_is_an_error(mil, operation):
    with pytest.raises(ValueError, match="divided by zero"):
        mil(operation, x=np.int32(1), y=np.array([1, 0], np.int32))
    assert math.isnan(mil(operation, x=F32(0), y=F32(0)))


def test_arguments_of_two_types_are_an_error(mil):
    with pytest.raises(ValueError, match="x is float32 and y is int32"):
        mil("add", x=F32(1), y=np.int32(1))


@pytest.mark.parametrize("operation", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"])
def test_comparisons_give_truth_values(mil, operation):
    y = np.array([0, -1, 0, 0, 0, 2, 2.5, math.nan], F32)
    got = mil(operation, x=X, y=y)
    assert got.dtype == np.bool_
    assert np.array_equal(got, getattr(np, operation)(X, y))


def test_logic(mil):
    x, y = np.array([True, True, False]), np.array([True, False, False])
    assert mil("logical_and", x=x, y=y).tolist() == [True, False, False]
    assert mil("logical_or", x=x, y=y).tolist() == [True, True, False]
    assert mil("logical_xor", x=x, y=y).tolist() == [False, True, False]
    assert mil("logical_not", x=x).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("operation", "reference"),
    [
        ("abs", np.abs),
        ("atan", np.arctan),
        ("ceil", np.ceil),
        ("cos", np.cos),
        ("cosh", np.cosh),
        ("exp", np.exp),
        ("exp2", np.exp2),
        ("floor", np.floor),
        ("sign", np.sign),
        ("sin", np.sin),
        ("sinh", np.sinh),
        ("square", np.square),
        ("tan", np.tan),
        ("tanh", np.tanh),
        ("erf", np.vectorize(math.erf)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_functions_of_one_argument(mil, operation, reference, dtype):
    got = mil(operation, x=X.astype(dtype))
    assert got.dtype == dtype
    # float16: the exact value rounded once
    np.testing.assert_allclose(got, reference(X.astype(np.float64)).astype(dtype), rtol=3e-7 if dtype == F32 else 0)


@pytest.mark.parametrize(("operation", "reference"), [("acos", np.arccos), ("asin", np.arcsin), ("atanh", np.arctanh)])
def test_functions_of_a_limited_domain(mil, operation, reference):
    x = np.array([-0.9, 0.0, 0.3, 2.0], F32)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(mil(operation, x=x), reference(x), rtol=3e-7)


def test_a_half_is_rounded_to_the_even_neighbour(mil):
    assert mil("round", x=np.array([0.5, 1.5, 2.5, -0.5, -1.5], F32)).tolist() == [0, 2, 2, 0, -2]


def test_a_small_constant_is_added_before_log_inverse_and_rsqrt(mil):
    zero = np.zeros((), F32)
    assert mil("inverse", x=zero) == F32(1) / F32(1e-4)
    assert mil("rsqrt", x=zero) == pytest.approx(1e6)
    assert mil("log", x=zero) == pytest.approx(math.log(1.401298464324817e-45))  # the least float32
    assert mil("log", x=np.zeros((), np.float16)) == -math.inf  # 1e-45 is 0 in float16
    assert mil("log", x=zero, epsilon=F32(1)) == 0
    assert mil("inverse", x=np.float16(1), epsilon=F32(1)).dtype == np.float16


def test_clip_and_threshold(mil):
    assert mil("clip", x=X, alpha=F32(-1), beta=F32(1)).tolist() == [-1, -1, -0.5, 0, 0.5, 1, 1, 1]
    assert mil("threshold", x=X, alpha=F32(0.75)).tolist() == [0.75] * 5 + [1, 2.5, 7]


def test_powers(mil):
    assert mil("pow", x=np.array([2, -3], np.int32), y=np.array([5, 3], np.int32)).tolist() == [32, -27]
    assert mil("pow", x=F32(2), y=F32(0.5)) == F32(math.sqrt(2))


def test_casts_cut_towards_zero(mil):
    got = mil("cast", x=np.array([-1.9, -0.5, 0.5, 1.9], F32), dtype="int32")
    assert (got.dtype, got.tolist()) == (np.int32, [-1, 0, 0, 1])
    assert mil("cast", x=np.array([0.0, -0.1, 2.0], F32), dtype="bool").tolist() == [False, True, True]
    assert mil("cast", x=np.array([True, False]), dtype="fp16").tolist() == [1, 0]
    assert mil("cast", x=F32(70000), dtype="fp16") == math.inf


@pytest.mark.parametrize(
    ("x", "dtype"),
    [(F32(3e9), "int32"), (F32("nan"), "int32"), (np.int32(300), "uint8"), (np.int32(-1), "uint16")],
)
def test_a_cast_beyond_the_type_is_an_error(mil, x, dtype):
    with pytest.raises(ValueError, match=f"as {dtype}: what becomes of them is not documented"):
        mil("cast", x=x, dtype=dtype)


def test_half_precision_is_computed_in_single(mil):
    """(1 + 2^-10)² + 2^-11 lies just above the middle of two float16; with the square rounded first, on it."""
    x = np.float16(1 + 2**-10)
    assert mil("linear_activation", x=x, alpha=x, beta=np.float16(2**-11)) == 1 + 2**-9 + 2**-10


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("clamped_relu", {"alpha": 0.5, "beta": 2.0}, lambda x: min(x, 2) if x >= 0 else min(0.5 * x, 2)),
        ("elu", {"alpha": 1.5}, lambda x: x if x > 0 else 1.5 * math.expm1(x)),
        ("leaky_relu", {"alpha": 0.1}, lambda x: x if x >= 0 else 0.1 * x),
        ("linear_activation", {"alpha": 2.0, "beta": -1.0}, lambda x: 2 * x - 1),
        ("relu", {}, lambda x: max(x, 0)),
        ("relu6", {}, lambda x: min(max(x, 0), 6)),
        ("scaled_tanh", {"alpha": 1.5, "beta": 0.5}, lambda x: 1.5 * math.tanh(0.5 * x)),
        ("sigmoid", {}, lambda x: 1 / (1 + math.exp(-x))),
        ("sigmoid_hard", {"alpha": 0.2, "beta": 0.5}, lambda x: min(max(0.2 * x + 0.5, 0), 1)),
        ("silu", {}, lambda x: x / (1 + math.exp(-x))),
        ("softplus", {}, lambda x: math.log1p(math.exp(x))),
        ("softsign", {}, lambda x: x / (1 + abs(x))),
        ("thresholded_relu", {"alpha": 0.5}, lambda x: x if x >= 0.5 else 0),
        ("gelu", {}, lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2)))),
        (
            "gelu",
            {"mode": "TANH_APPROXIMATION"},
            lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        ),
        ("gelu", {"mode": "SIGMOID_APPROXIMATION"}, lambda x: x / (1 + math.exp(-1.702 * x))),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_activations_are_the_documented_formulas(mil, operation, parameters, expected, dtype):
    given = {name: value if isinstance(value, str) else dtype(value) for name, value in parameters.items()}
    got = mil(operation, x=X.astype(dtype), **given)
    assert got.dtype == dtype
    # half precision also rounds the parameters: 0.1, 0.2
    np.testing.assert_allclose(got, [expected(float(x)) for x in X], rtol=1e-6 if dtype == F32 else 2e-3, atol=1e-6)


def test_an_unknown_mode_of_gelu(mil):
    with pytest.raises(ValueError, match="gelu 'it': unknown mode 'FAST'"):
        mil("gelu", x=X, mode="FAST")


def test_no_activation_overflows(mil):
    large = np.array([-1e4, 1e4], F32)
    assert mil("softplus", x=large).tolist() == [0, 1e4]
    assert mil("sigmoid", x=large).tolist() == [0, 1]
    assert mil("elu", x=large, alpha=F32(1)).tolist() == [-1, 1e4]
    assert mil("gelu", x=large).tolist() == [0, 1e4]
    assert mil("softmax", x=large).tolist() == [0, 1]


def test_parameters_by_channel_lie_along_the_second_axis(mil):
    x = np.array([[[-1.0, 2.0], [-1.0, 2.0]]], F32)
    assert mil("prelu", x=x, alpha=np.array([0.5, 3], F32)).tolist() == [[[-0.5, 2], [-3, 2]]]
    got = mil("softplus_parametric", x=x, alpha=np.array([1, 2], F32), beta=np.array([1, 0], F32))
    np.testing.assert_allclose(got[0, 0], np.log1p(np.exp([-1, 2])), rtol=1e-6)
    np.testing.assert_allclose(got[0, 1], 2 * math.log(2), rtol=1e-6)


def test_softmax_along_an_axis(mil):
    x = np.log(np.array([[1, 2], [3, 2]], F32))
    np.testing.assert_allclose(mil("softmax", x=x, axis=0), [[0.25, 0.5], [0.75, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(mil("softmax", x=x), [[1 / 3, 2 / 3], [0.6, 0.4]], rtol=1e-6)


def test_the_error_function_is_that_of_the_standard_library(mil):
    from edgewright.targets.coreml.interpreter.ops.error_function import erf

    x = np.linspace(-8, 8, 100_001)
    assert np.abs(erf(x) - [math.erf(point) for point in x]).max() < 1e-12
    special = mil("erf", x=np.array([math.inf, -math.inf, math.nan], F32))
    assert special[:2].tolist() == [1, -1]
    assert math.isnan(special[2])
