"""Functions over their whole range, comparisons and what floats can be beside numbers."""

import numpy as np
import pytest

FLOATS = np.finfo(np.float32)
MAGNITUDES = np.concatenate([np.logspace(-37, 38, 1500), [FLOATS.tiny, 0, 1, 2, 9999, 10001, np.inf]])
EVERYWHERE = np.concatenate([MAGNITUDES, -MAGNITUDES, np.linspace(-89, 89, 999), [np.nan]]).astype(np.float32)
INSIDE = np.concatenate([np.linspace(-1, 1, 1001), [1.5, -2, 1e-20, -1e-9, 1 - 6e-8]]).astype(np.float32)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, FLOATS.max], np.float32)


@pytest.mark.parametrize(
    ("op", "function", "x"),
    [
        ("Acosh", np.arccosh, EVERYWHERE),
        ("Asinh", np.arcsinh, EVERYWHERE),
        ("Atanh", np.arctanh, INSIDE),
        ("Cosh", np.cosh, EVERYWHERE[:-1]),
        ("Sinh", np.sinh, EVERYWHERE[:-1]),
        ("Atan", np.arctan, EVERYWHERE),
        ("Log", np.log, EVERYWHERE),
        ("Reciprocal", np.reciprocal, EVERYWHERE),
        ("Sqrt", np.sqrt, EVERYWHERE),
    ],
)
def test_functions_keep_their_digits(coreml, op, function, x):
    got = coreml(f"(float[{len(x)}] x) => (float[{len(x)}] y) {{ y = {op}(x) }}", {"x": x}).outputs["y"]
    with np.errstate(all="ignore"):
        wanted = function(x.astype(np.float64)).astype(np.float32)
    # 2e-6: asinh goes by two logarithms, each right to a bit, of which the sum is wanted.
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=float(FLOATS.tiny) * 4)


def test_minus_zero_has_its_own_reciprocal(coreml):
    got = coreml("(float[2] x) => (float[2] y) { y = Reciprocal(x) }", {"x": np.array([0.0, -0.0], np.float32)})
    assert got.outputs["y"].tolist() == [np.inf, -np.inf]


def test_halves_are_rounded_to_even(coreml):
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], np.float32)
    assert coreml("(float[6] x) => (float[6] y) { y = Round(x) }", {"x": x}).outputs["y"].tolist() == [
        -2,
        -2,
        0,
        0,
        2,
        2,
    ]


def test_a_quotient_by_a_constant_is_not_a_product(coreml):
    text = "(float[2] x) => (float[2] y) { q = Div(x, c) y = Floor(q) }"
    got = coreml(text, {"x": np.array([40, 41], np.float32)}, {"c": np.float32(41)}).outputs["y"]
    assert got.tolist() == [0, 1]  # 41 · (1 / 41) is below 1


def test_the_root_of_a_square_is_the_size(coreml):
    x = np.array([-2, 3], np.float32)
    for exponent in (np.float32(2), np.array([2, 2], np.float32), np.full((3, 2), 2, np.int64)):
        shape = list(np.broadcast_shapes((2,), exponent.shape))
        text = f"(float[2] x) => (float{shape} y) {{ s = Pow(x, e) y = Sqrt(s) }}"
        got = coreml(text, {"x": x}, {"e": exponent}).outputs["y"]
        np.testing.assert_array_equal(got, np.broadcast_to([2, 3], shape))


@pytest.mark.parametrize("op", ["Max", "Min", "Sum", "Mean"])
def test_many_operands_broadcast(coreml, op):
    a, b, c = (np.random.default_rng(7).standard_normal(s).astype(np.float32) for s in ((2, 1), (3,), (2, 3)))
    text = f"(float[2,1] a, float[3] b, float[2,3] c) => (float[2,3] y) {{ y = {op}(a, b, c) }}"
    function = {"Max": np.max, "Min": np.min, "Sum": np.sum, "Mean": np.mean}[op]
    wanted = function(np.stack(np.broadcast_arrays(a, b, c)), axis=0)
    np.testing.assert_allclose(coreml(text, {"a": a, "b": b, "c": c}).outputs["y"], wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bool", "int64", "float"])
def test_equality_of_every_dtype(coreml, dtype):
    kind = "float32" if dtype == "float" else dtype
    a, b = np.array([0, 1, 1, 0]).astype(kind), np.array([0, 1, 0, 1]).astype(kind)
    text = f"({dtype}[4] a, {dtype}[4] b) => (bool[4] y) {{ y = Equal(a, b) }}"
    assert coreml(text, {"a": a, "b": b}).outputs["y"].tolist() == [True, True, False, False]


def test_nan_equals_nothing_and_is_found(coreml):
    text = (
        "(float[8] x) => (bool[8] same, bool[8] less, bool[8] nan) "
        "{ same = Equal(x, x) less = Less(x, x) nan = IsNaN(x) }"
    )
    got = coreml(text, {"x": SPECIAL}).outputs
    assert got["same"].tolist() == [False] + [True] * 7
    assert not got["less"].any()
    assert got["nan"].tolist() == [True] + [False] * 7


@pytest.mark.parametrize(("negative", "positive", "places"), [(1, 1, {1, 2}), (0, 1, {1}), (1, 0, {2}), (0, 0, set())])
def test_infinities_of_the_wanted_signs(coreml, negative, positive, places):
    attributes = f"detect_negative={negative}, detect_positive={positive}"
    got = coreml(f"(float[8] x) => (bool[8] y) {{ y = IsInf<{attributes}>(x) }}", {"x": SPECIAL}).outputs["y"]
    assert {*np.flatnonzero(got)} == places


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic(coreml, op):
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    text = f"(bool[4] a, bool[4] b) => (bool[4] y) {{ n = {op}(a, b) y = Not(n) }}"
    wanted = ~{"And": a & b, "Or": a | b, "Xor": a ^ b}[op]
    assert coreml(text, {"a": a, "b": b}).outputs["y"].tolist() == wanted.tolist()


def test_every_float_but_zero_is_true(coreml):
    got = coreml("(float[8] x) => (bool[8] y) { y = Cast<to=9>(x) }", {"x": SPECIAL}).outputs["y"]
    assert got.tolist() == [True, True, True, False, False, True, True, True]


def test_half_floats_stay_half_floats(coreml):
    x = np.array([-1.5, 0.1, 3, 1000], np.float16)
    text = "(float16[4] x) => (float16[4] y, float16[4] z) { s = Mul(x, x) y = Add(s, c) z = LeakyRelu<alpha=0.1>(x) }"
    got = coreml(text, {"x": x}, {"c": np.float16(0.1)}).outputs
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(got["y"], x * x + np.float16(0.1))
    np.testing.assert_allclose(got["z"], np.where(x < 0, x * np.float16(0.1), x), rtol=1e-3)


def test_a_tensor_without_elements_is_refused(coreml_refusal):
    assert "no elements" in coreml_refusal("(float[2,0] x) => (float[2,0] y) { y = Neg(x) }")


def test_a_scale_and_a_shift_stay_what_they_are(coreml):
    x = np.full((1, 2, 1, 1), 1000, np.float32)
    text = "(float[1,2,1,1] x) => (float[1,2,1,1] y) { p = Mul(x, s) y = Add(p, b) }"
    weights = {name: np.array([1, 3], np.float32).reshape(2, 1, 1) for name in "sb"}
    assert coreml(text, {"x": x}, weights).outputs["y"].ravel().tolist() == [1001, 3003]


def test_what_is_masked_may_be_infinite(coreml):
    x = np.array([np.inf, 2], np.float32)
    text = "(float[2] x) => (float[2] y) { y = Where(mask, low, x) }"
    weights = {"mask": np.array([True, False]), "low": np.float32(-np.inf)}
    assert coreml(text, {"x": x}, weights).outputs["y"].tolist() == [-np.inf, 2]
