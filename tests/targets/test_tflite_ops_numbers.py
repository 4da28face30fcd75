"""Numbers: functions that TFLite has no kernel for, over their whole range; integers of every width, exact."""

import numpy as np
import pytest

FLOATS = np.finfo(np.float32)
MAGNITUDES = np.concatenate([np.logspace(-37, 38, 1500), [FLOATS.tiny, 0, 1, 2, 9999, 10001, np.inf]])
EVERYWHERE = np.concatenate([MAGNITUDES, -MAGNITUDES, np.linspace(-89, 89, 999), [np.nan]]).astype(np.float32)
INSIDE = np.concatenate([np.linspace(-1, 1, 1001), [1.5, -2, 1e-20, -1e-9, 1 - 6e-8]]).astype(np.float32)

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def extremes(dtype, size=64):
    limits = np.iinfo(dtype)
    drawn = np.random.default_rng(3).integers(limits.min, limits.max, size, dtype=dtype, endpoint=True)
    return np.concatenate([np.array([limits.min, limits.max, 0, 1], dtype), drawn])


@pytest.mark.parametrize(
    ("op", "function", "x"),
    [
        ("Acos", np.arccos, INSIDE),
        ("Acosh", np.arccosh, EVERYWHERE),
        ("Asin", np.arcsin, INSIDE),
        ("Asinh", np.arcsinh, EVERYWHERE),
        ("Atan", np.arctan, EVERYWHERE),
        ("Atanh", np.arctanh, INSIDE),
        ("Cosh", np.cosh, EVERYWHERE[:-1]),
        ("Sinh", np.sinh, EVERYWHERE[:-1]),
    ],
)
def test_inverse_and_hyperbolic_functions_keep_their_digits(litert, op, function, x):
    got = litert(f"(float[{len(x)}] x) => (float[{len(x)}] y) {{ y = {op}(x) }}", feeds={"x": x})
    with np.errstate(all="ignore"):
        wanted = function(x.astype(np.float64)).astype(np.float32)
    # 1e-5: exp of the largest arguments is right to 6e-6 in the runtime; all else is right to 4e-7.
    np.testing.assert_allclose(got.outputs["y"], wanted, rtol=1e-5, atol=float(FLOATS.tiny) * 4)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Min", "Max"])
def test_arithmetic_wraps_and_orders_at_every_width(litert, op, dtype):
    a, b = extremes(dtype), extremes(dtype)[::-1].copy()
    text = f"({dtype}[{len(a)}] a, {dtype}[{len(a)}] b) => ({dtype}[{len(a)}] y) {{ y = {op}(a, b) }}"
    got = litert(text, feeds={"a": a, "b": b}).outputs["y"]
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Min": np.minimum, "Max": np.maximum}[op]
    np.testing.assert_array_equal(got, function(a, b))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", ["Less", "GreaterOrEqual", "Equal"])
def test_comparisons_at_every_width(litert, op, dtype):
    a, b = extremes(dtype), extremes(dtype)[::-1].copy()
    text = f"({dtype}[{len(a)}] a, {dtype}[{len(a)}] b) => (bool[{len(a)}] y) {{ y = {op}(a, b) }}"
    got = litert(text, feeds={"a": a, "b": b}).outputs["y"]
    np.testing.assert_array_equal(got, {"Less": a < b, "GreaterOrEqual": a >= b, "Equal": a == b}[op])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"])
def test_division_is_exact_and_goes_towards_zero(litert, dtype):
    a, b = extremes(dtype, 500), extremes(dtype, 500)[::-1].copy()
    b[::3] = np.clip(b[::3], -7 if np.iinfo(dtype).min else 0, 7)
    b[(b == 0) | (a == np.iinfo(dtype).min)] = 3  # by zero nothing is defined, and −2ⁿ / −1 does not fit
    text = f"({dtype}[{len(a)}] a, {dtype}[{len(a)}] b) => ({dtype}[{len(a)}] y) {{ y = Div(a, b) }}"
    got = litert(text, feeds={"a": a, "b": b}).outputs["y"]
    wanted = [int(abs(int(p)) // abs(int(q))) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(a, b, strict=True)]
    assert got.tolist() == wanted


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32"])
@pytest.mark.parametrize("fmod", [0, 1])
def test_remainders_have_the_sign_of_the_divisor_or_the_dividend(litert, dtype, fmod):
    a, b = extremes(dtype), extremes(dtype)[::-1].copy()
    b[b == 0] = 5
    text = f"({dtype}[{len(a)}] a, {dtype}[{len(a)}] b) => ({dtype}[{len(a)}] y) {{ y = Mod<fmod={fmod}>(a, b) }}"
    got = litert(text, feeds={"a": a, "b": b}).outputs["y"]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, np.fmod(a, b) if fmod else np.mod(a, b))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_powers_of_integers(litert, dtype):
    a = np.array([-3, -2, -1, 0, 1, 2, 7, -1, 2, 1], dtype)
    b = np.array([5, 4, 99, 0, -4, -3, 9, -3, 30, 1000], dtype)
    text = f"({dtype}[10] a, {dtype}[10] b) => ({dtype}[10] y) {{ y = Pow(a, b) }}"
    got = litert(text, feeds={"a": a, "b": b}).outputs["y"]
    assert got.tolist() == [-243, 16, -1, 1, 1, 0, 7**9, -1, 2**30, 1]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_bits_of_every_width(litert, op, dtype):
    a, b = extremes(dtype, 20).reshape(4, 6), extremes(dtype, 26)[::-1][:6].copy()
    got = litert(
        f"({dtype}[4,6] a, {dtype}[6] b) => ({dtype}[4,6] y) {{ y = {op}(a, b) }}", feeds={"a": a, "b": b}
    ).outputs["y"]
    function = {"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor}[op]
    np.testing.assert_array_equal(got, function(a, b))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_all_bits_flip(litert, dtype):
    a = extremes(dtype)
    got = litert(f"({dtype}[{len(a)}] a) => ({dtype}[{len(a)}] y) {{ y = BitwiseNot(a) }}", feeds={"a": a})
    np.testing.assert_array_equal(got.outputs["y"], ~a)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_shifts_to_the_left(litert, dtype):
    a, b = extremes(dtype, 4), np.array([0, 1, 7, 5, 3, 2, 6, 4], dtype)
    text = f'({dtype}[8] a, {dtype}[8] b) => ({dtype}[8] y) {{ y = BitShift<direction="LEFT">(a, b) }}'
    got = litert(text, feeds={"a": a, "b": b})
    np.testing.assert_array_equal(got.outputs["y"], a << b)


@pytest.mark.parametrize("source", [*INTEGERS[:-1], "bool", "float32", "float16"])
@pytest.mark.parametrize("wanted", [*INTEGERS[:-1], "bool", "float32", "float16", "float64"])
def test_casts_of_every_pair(litert, source, wanted):
    from onnx import helper

    x = np.array([0, 1, 1, 0, 1, 99], "int8").astype(source)
    names = {"float32": "float", "float64": "double"}
    text = (
        f"({names.get(source, source)}[6] x) => ({names.get(wanted, wanted)}[6] y)"
        f" {{ y = Cast<to={helper.np_dtype_to_tensor_dtype(np.dtype(wanted))}>(x) }}"
    )
    np.testing.assert_array_equal(litert(text, feeds={"x": x}).outputs["y"], x.astype(wanted))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64"])
@pytest.mark.parametrize("largest", [0, 1])
def test_the_largest_and_the_smallest_at_every_width(litert, dtype, largest):
    x = extremes(dtype, 20).reshape(4, 6)
    text = f"({dtype}[4,6] x) => ({dtype}[3,6] y, int64[3,6] i) {{ y, i = TopK<axis=0, largest={largest}>(x, k) }}"
    got = litert(text, {"k": np.array([3])}, feeds={"x": x}).outputs
    ordered = np.sort(x, 0)[::-1][:3] if largest else np.sort(x, 0)[:3]
    np.testing.assert_array_equal(got["y"], ordered)
    np.testing.assert_array_equal(np.take_along_axis(x, got["i"], 0), got["y"])


@pytest.mark.parametrize("expression", ["Exp(x)", "Softmax<axis=1>(x)", "Gelu(x)", "ReduceMean(x)", "MatMul(x, x)"])
def test_float16_is_worked_on_in_float32(lite, litert, expression):
    shape = "1,1" if "Reduce" in expression else "3,3"
    x = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float16)
    built = litert(f"(float16[3,3] x) => (float16[{shape}] y) {{ y = {expression} }}", feeds={"x": x})
    wide = lite(f"(float[3,3] x) => (float[{shape}] y) {{ y = {expression} }}", feeds={"x": x.astype(np.float32)})
    # One rounding to eleven bits.
    np.testing.assert_allclose(built.outputs["y"], wide.outputs["y"], rtol=2**-11, atol=1e-7)


def test_casts_of_one_value_to_two_dtypes_are_two(lite):
    lite("(uint8[6] x) => (float[6] y, int32[6] z) { f = Cast<to=1>(x) y = Sqrt(f) i = Cast<to=6>(x) z = Neg(i) }")


@pytest.mark.parametrize("other", ["1", "1,3,1,1,2,1", "2,3,2,1,2,2"])
@pytest.mark.parametrize("op", ["Less", "Equal", "Max", "Mod", "Pow"])
def test_six_axes_broadcast(lite, op, other):
    kind = "bool" if op in ("Less", "Equal") else "int32"
    lite(f"(int32[2,3,2,3,2,2] x, int32[{other}] y) => ({kind}[2,3,2,3,2,2] z) {{ z = {op}(x, y) }}")
