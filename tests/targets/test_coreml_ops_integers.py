"""Integers of every width, which Core ML holds as int32: they wrap, divide and shift as ONNX's do, or are refused."""

import numpy as np
import pytest

NARROW = ["int8", "int16", "uint8", "uint16"]
INTEGERS = [*NARROW, "int32", "int64"]


def numbers(dtype, size=64, seed=3):
    limits = np.iinfo(dtype if dtype != "int64" else "int32")
    drawn = np.random.default_rng(seed).integers(limits.min, limits.max, size, dtype=dtype, endpoint=True)
    return np.concatenate([np.array([limits.min, limits.max, 0, 1], dtype), drawn])


def pair(dtype, size=64):
    return numbers(dtype, size), numbers(dtype, size)[::-1].copy()


def of_two(op, dtype, size, given=None):
    return f"({dtype}[{size}] a, {dtype}[{size}] b) => ({given or dtype}[{size}] y) {{ y = {op}(a, b) }}"


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Min", "Max"])
def test_arithmetic_of_narrow_integers_wraps(coreml, op, dtype):
    a, b = pair(dtype)
    got = coreml(of_two(op, dtype, len(a)), {"a": a, "b": b}, opset=20).outputs["y"]
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Min": np.minimum, "Max": np.maximum}[op]
    np.testing.assert_array_equal(got, function(a, b))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_division_goes_towards_zero(coreml, dtype):
    a, b = pair(dtype, 500)
    b[::3] = np.clip(b[::3], -7 if np.iinfo(dtype).min else 0, 7)
    b[(b == 0) | (a == np.iinfo(np.int32).min)] = 3  # by zero nothing is defined, and −2³¹ / −1 does not fit
    wanted = [int(abs(int(p)) // abs(int(q))) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(a, b, strict=True)]
    got = coreml(of_two("Div", dtype, len(a)), {"a": a, "b": b}).outputs["y"]
    np.testing.assert_array_equal(got, np.array(wanted).astype(dtype))  # −128 / −1 wraps


@pytest.mark.parametrize(("dtype", "fmod"), [*((dtype, fmod) for dtype in INTEGERS for fmod in (0, 1)), ("float32", 1)])
def test_remainders_have_the_sign_of_the_divisor_or_the_dividend(coreml, dtype, fmod):
    if dtype == "float32":
        a, b = (np.random.default_rng(seed).normal(0, 9, 64).astype(dtype) for seed in (1, 2))
    else:
        a, b = pair(dtype)
        b[b == 0] = 5
    dtype = "float" if dtype == "float32" else dtype
    got = coreml(of_two(f"Mod<fmod={fmod}>", dtype, len(a)), {"a": a, "b": b}).outputs["y"]
    np.testing.assert_allclose(got, np.fmod(a, b) if fmod else np.mod(a, b), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("op", ["Neg", "Abs"])
def test_the_lowest_number_has_no_opposite(coreml, op, dtype):
    a = numbers(dtype)
    got = coreml(f"({dtype}[{len(a)}] a) => ({dtype}[{len(a)}] y) {{ y = {op}(a) }}", {"a": a}).outputs["y"]
    np.testing.assert_array_equal(got, -a if op == "Neg" else np.abs(a))


@pytest.mark.parametrize("dtype", [*INTEGERS, "uint32", "uint64"])
@pytest.mark.parametrize("op", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_bitwise_logic_is_exact_to_the_sign(coreml, op, dtype):
    a, b = pair(dtype if dtype in INTEGERS else "int32")
    a, b = (value if dtype in INTEGERS else np.abs(value // 2).astype(dtype) for value in (a, b))
    got = coreml(of_two(op, dtype, len(a)), {"a": a, "b": b}).outputs["y"]
    np.testing.assert_array_equal(got, {"And": a & b, "Or": a | b, "Xor": a ^ b}[op.removeprefix("Bitwise")])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_bits_are_turned_over(coreml, dtype):
    a = numbers(dtype)
    got = coreml(f"({dtype}[{len(a)}] a) => ({dtype}[{len(a)}] y) {{ y = BitwiseNot(a) }}", {"a": a}).outputs["y"]
    np.testing.assert_array_equal(got, ~a)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts_lose_what_leaves_the_width(coreml, direction, dtype):
    width = np.iinfo(dtype).bits
    places = np.array([*range(width + 3), 200], dtype)
    x = np.full(places.shape, 1 if direction == "LEFT" and width > 16 else np.iinfo(dtype).max >> (width > 16), dtype)
    if width > 16:  # what is beyond int32 cannot be held
        x = np.minimum(x, np.iinfo(np.int32).max).astype(dtype)
        places = np.where((places < 31) | (places >= width), places, 0).astype(dtype)
    got = coreml(of_two(f'BitShift<direction="{direction}">', dtype, len(x)), {"a": x, "b": places}).outputs["y"]
    shift = {"LEFT": int.__lshift__, "RIGHT": int.__rshift__}[direction]
    wanted = [shift(int(p), int(q)) % (1 << width) for p, q in zip(x, places, strict=True)]
    np.testing.assert_array_equal(got, np.array(wanted, dtype))


@pytest.mark.parametrize("given", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"])
@pytest.mark.parametrize("wanted", ["int8", "int16", "int32", "uint8", "uint16", "bool", "float"])
def test_casts_cut_the_higher_bits_off(coreml, given, wanted):
    a = numbers(given) if given != "uint32" else np.abs(numbers("int32") // 2).astype(given)
    text = f"({given}[{len(a)}] a) => ({wanted}[{len(a)}] y) {{ y = Cast<to={TO[wanted]}>(a) }}"
    got = coreml(text, {"a": a}).outputs["y"]
    np.testing.assert_array_equal(got, a.astype("float32" if wanted == "float" else wanted))


TO = {"float": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "uint32": 12}


@pytest.mark.parametrize("wanted", ["int8", "uint8", "int32", "int64", "bool"])
def test_floats_are_cut_towards_zero(coreml, wanted):
    x = np.array([0.0, -0.0, 0.5, 0.999, 1.5, 2.5, 99.9, 7.0], np.float32)
    x = x if wanted in ("uint8", "bool") else np.concatenate([x, -x])
    text = f"(float[{len(x)}] x) => ({wanted}[{len(x)}] y) {{ y = Cast<to={TO[wanted]}>(x) }}"
    np.testing.assert_array_equal(coreml(text, {"x": x}).outputs["y"], x.astype(wanted))


def test_a_float_stays_cut_when_it_is_cast_back(coreml):
    x = np.array([-2.7, -0.2, 0.2, 2.7], np.float32)
    text = "(float[4] x) => (float[4] y) { i = Cast<to=6>(x) y = Cast<to=1>(i) }"
    assert coreml(text, {"x": x}).outputs["y"].tolist() == [-2, 0, 0, 2]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("constant", [None, 0, 1, 2, 3, 5, 31])
def test_powers_of_integers_are_exact(coreml, dtype, constant):
    x = np.array([0, 1, -1, 2, -2, 3, -3, 7], dtype)
    exponents = np.array([0, 31, 30, 30, 31, 19, 19, 11] if constant is None else [constant] * 8, dtype)
    if constant == 31:
        x = np.clip(x, -2, 1)
    weights = {} if constant is None else {"e": np.array(constant, dtype)}
    inputs = f"{dtype}[8] x" + (f", {dtype}[8] e" if constant is None else "")
    got = coreml(f"({inputs}) => ({dtype}[8] y) {{ y = Pow(x, e) }}", {"x": x, "e": exponents}, weights).outputs["y"]
    assert got.tolist() == [int(p) ** int(q) for p, q in zip(x, exponents, strict=True)]


def test_an_exponent_that_makes_the_result_larger(coreml):
    x, exponents = np.array([2, -3], np.int32), np.array([[2], [3], [-1]], np.int32)
    text = "(int32[2] x, int32[3,1] e) => (int32[3,2] y) { y = Pow(x, e) }"
    got = coreml(text, {"x": x, "e": exponents}).outputs["y"]
    assert got.tolist() == [[4, 9], [8, -27], [0, 0]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(uint32[2] a, uint32[2] b) => (uint32[2] y) { y = Sub(a, b) }", "wraps below zero"),
        ("(uint64[2] a) => (uint64[2] y) { y = BitwiseNot(a) }", "turned over"),
        ("(int32[2] a) => (uint32[2] y) { y = Cast<to=12>(a) }", "beyond int32"),
        ("(int8[2] a, int8[2] b) => (int8[2] y) { y = Pow(a, b) }", "would have to wrap"),
        ("(int32[2] a, float[2] b) => (int32[2] y) { y = Pow(a, b) }", "rounded before it is cut"),
        ("(int32[2] a) => (int32[1] y) { y = ReduceL2(a) }", "rounded before it is cut"),
    ],
)
def test_what_int32_cannot_say_is_refused(coreml_refusal, text, reason):
    assert reason in coreml_refusal(text)


def test_bounds_beyond_int32_bound_nothing(coreml):
    x = np.array([-(2**31), -5, 5, 2**31 - 1])
    limits = np.iinfo(np.int64)
    weights = {"low": np.array(limits.min), "high": np.array(limits.max)}
    got = coreml("(int64[4] x) => (int64[4] y) { y = Clip(x, low, high) }", {"x": x}, weights).outputs["y"]
    assert got.tolist() == x.tolist()
