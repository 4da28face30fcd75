"""Numbers at their edges, through TF.js on wasm: what is not finite, zeros with a sign, the ends of integer dtypes."""

import numpy as np
import pytest

NAN, INF = np.nan, np.inf
FLOATS = np.array(
    [NAN, INF, -INF, -0.0, 0, 1, -1, 0.5, 1.5, 2.5, -2.5, 1e-30, -1e-10, 1e-42, 3.4e38, 100.7], np.float32
)
PAIRS = [pair.ravel() for pair in np.meshgrid(FLOATS, FLOATS)]

ENDS = {
    "int8": [-128, 127, -1, 0, 1, 5, -7],
    "uint8": [0, 1, 255, 128, 7],
    "int16": [-(2**15), 2**15 - 1, -1, 0, 1, 300],
    "uint16": [0, 1, 2**16 - 1, 300],
    "int32": [-(2**31), -(2**31) + 1, 2**31 - 1, -1, 0, 1, 5, -5, 2**24 + 1, -(2**24) - 1, 46341],
}
"""By dtype: numbers whose sums and products wrap, and some that float32 does not hold."""


def pairs_of(dtype):
    return [pair.ravel() for pair in np.meshgrid(*[np.array(ENDS[dtype], dtype)] * 2)]


def held(arrays):
    """As TF.js takes them."""
    return [array if array.dtype in (np.float32, np.bool_) else array.astype(np.int32) for array in arrays]


def run(tfjs, op, *arrays, given="float", gives=None, **options):
    names = [f"x{place}" for place in range(len(arrays))]
    inputs = ", ".join(f"{given}[{array.size}] {name}" for name, array in zip(names, arrays, strict=True))
    text = f"({inputs}) => ({gives or given}[{arrays[0].size}] y) {{ y = {op} ({', '.join(names)}) }}"
    return tfjs(text, feeds=dict(zip(names, held(arrays), strict=True)), **options)


@pytest.mark.parametrize(
    "op",
    ["Abs", "Neg", "Sign", "Ceil", "Floor", "Round", "Sqrt", "Exp", "Log", "Relu", "Sigmoid", "Tanh", "Reciprocal"],
)
def test_floats_of_every_kind(tfjs, op):
    run(tfjs, op, FLOATS)


@pytest.mark.parametrize("op", ["IsNaN", "IsInf"])
def test_floats_are_told_apart(tfjs, op):
    run(tfjs, op, FLOATS, gives="bool")


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"])
def test_pairs_of_floats(tfjs, op):
    run(tfjs, op, *PAIRS)


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
def test_pairs_of_floats_compare(tfjs, op):
    run(tfjs, op, *PAIRS, gives="bool")


def test_a_remainder_of_floats_is_exact(tfjs):
    x, y = np.float32([-1e-10, 7.5, -7.5, 7.5, -7.5, 1e8, 1, -1]), np.float32([1, 2, 2, -2, -2, 3, INF, -INF])
    run(tfjs, "Mod <fmod = 1>", x, y)


@pytest.mark.parametrize("dtype", ENDS)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_integers_wrap_as_their_dtype_does(tfjs, op, dtype):
    x, y = pairs_of(dtype)
    work = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}
    bits = {"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor}
    with np.errstate(over="ignore"):
        expected = {"y": (work | bits)[op](x, y)}
    run(tfjs, op, x, y, given=dtype, expected=expected)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
@pytest.mark.parametrize("op", ["Abs", "Neg", "Sign", "BitwiseNot"])
def test_integers_with_a_sign(tfjs, op, dtype):
    x = np.array(ENDS[dtype], dtype)
    work = {"Abs": np.abs, "Neg": np.negative, "Sign": np.sign, "BitwiseNot": np.invert}
    run(tfjs, op, x, given=dtype, expected={"y": work[op](x)})


@pytest.mark.parametrize("dtype", ENDS)
@pytest.mark.parametrize("op", ["Div", "Mod", "Mod <fmod = 1>"])
def test_quotients_and_remainders_are_exact(tfjs, op, dtype):
    x, y = pairs_of(dtype)
    lowest = np.iinfo(dtype).min
    kept = (y != 0) & ~((x == lowest) & (y.astype(np.int64) == -1))
    x, y = x[kept], y[kept]
    wide, by = x.astype(np.int64), y.astype(np.int64)
    rest = np.mod(wide, by) if op == "Mod" else np.fmod(wide, by)
    run(tfjs, op, x, y, given=dtype, expected={"y": (wide - rest) // by if op == "Div" else rest})


@pytest.mark.parametrize("given", [*ENDS, "bool"])
@pytest.mark.parametrize("wanted", [*ENDS, "float", "bool"])
def test_integers_are_cast_bit_by_bit(tfjs, given, wanted):
    x = np.array(ENDS.get(given, [False, True]), given)
    numpy = {"float": "float32"}.get(wanted, wanted)
    to = {"uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "float": 1, "bool": 9}[wanted]
    run(tfjs, f"Cast <to = {to}>", x, given=given, gives=wanted, expected={"y": x.astype(numpy)})


def test_floats_are_true_unless_they_are_zero(tfjs):
    run(tfjs, "Cast <to = 9>", FLOATS, gives="bool", expected={"y": FLOATS != 0})


def test_halves_are_rounded_to_even(tfjs):
    x = np.float32([0.5, 1.5, 2.5, -0.5, -1.5, 8388607.5])
    run(tfjs, "Round", x, expected={"y": np.float32([0, 2, 2, -0.0, -2, 8388608])})


def test_places_of_equal_numbers_come_in_order(tfjs):
    x = np.float32([[1, 3, 3, 2, 3]])
    text = "(float[1, 5] x) => (float[1, 4] v, int64[1, 4] p) { v, p = TopK (x, k) }"
    tfjs(text, {"k": np.int64([4])}, feeds={"x": x}, expected={"p": np.int64([[1, 2, 4, 3]])})


@pytest.mark.parametrize(("op", "gives"), [("Less", "bool"), ("GreaterOrEqual", "bool"), ("Max", ""), ("Min", "")])
def test_the_order_of_uint64_is_that_of_its_numbers(tfjs, op, gives):
    x, y = np.uint64([0, 5, 2**31 - 1, 7]), np.uint64([1, 5, 0, 6])
    work = {"Less": np.less, "GreaterOrEqual": np.greater_equal, "Max": np.maximum, "Min": np.minimum}[op]
    run(tfjs, op, x, y, given="uint64", gives=gives, expected={"y": work(x, y)})


@pytest.mark.parametrize(("threshold", "kept"), [(0.5, [0, 1]), (np.nextafter(np.float32(0.5), np.float32(0)), [0])])
def test_boxes_go_that_overlap_by_more_than_a_threshold_known_at_run_time(tfjs, threshold, kept):
    given = "float[1, 2, 4] boxes, float[1, 1, 2] scores, int64[1] most, float[1] threshold"
    node = "NonMaxSuppression (boxes, scores, most, threshold)"
    text = f"({given}) => (int64[{len(kept)}, 3] y) {{ y = {node} }}"
    feeds = {
        "boxes": np.float32([[[0, 0, 1, 1], [0, 0, 1, 0.5]]]),
        "scores": np.float32([[[0.9, 0.8]]]),
        "most": np.int32([2]),
        "threshold": np.float32([threshold]),
    }
    made = tfjs(text, feeds=feeds, expected={})
    assert made.outputs["y"].tolist() == [[0, 0, box] for box in kept]


@pytest.mark.parametrize("wanted", ["float", "bool"])
def test_plain_javascript_gives_numbers_as_their_dtype_has_them(tfjs, monkeypatch, wanted):
    monkeypatch.setattr("edgewright.targets.tfjs.runtime.BACKEND", "cpu")  # which keeps int32 in its array after a Cast
    x = np.int32([1, -7, 0, 2**31 - 1])
    to = {"float": 1, "bool": 9}[wanted]
    run(tfjs, f"Cast <to = {to}>", x, given="int32", gives=wanted)


# what TF.js cannot say exactly


def test_a_constant_beyond_int32_is_refused(tfjs_refusal):
    reasons = tfjs_refusal("(int64[2] x) => (int64[2] y) { y = Add (x, w) }", {"w": np.int64([2**40, 1])})
    assert reasons == {
        "Add": "TF.js holds integers as int32, and a constant of int64 reaches from 1 to 1099511627776",
    }


def test_what_may_wrap_below_zero_to_beyond_int32_is_refused(tfjs_refusal):
    wanted = "int64 below zero becomes uint32 beyond int32, the widest that TF.js has"
    text = "(uint32[2] x, uint32[2] z) => (uint32[2] y) { y = Sub (x, z) }"
    assert tfjs_refusal(text) == {"Sub": wanted}
    assert tfjs_refusal("(int64[2] x) => (uint32[2] y) { y = Cast <to = 12> (x) }") == {"Cast": wanted}
    assert tfjs_refusal("(uint8[2] x) => (uint32[2] y) { y = Cast <to = 12> (x) }") == {}


def test_bits_of_floats_and_halves_are_refused(tfjs_refusal):
    text = "(float[2] x) => (float16[2] y) { y = Cast <to = 10> (x) }"
    assert tfjs_refusal(text) == {"Cast": "TF.js does not round to float16: it computes with float32 alone"}
    text = "(float[2] x) => (int32[2] y) { y = BitCast <to = 6> (x) }"
    assert tfjs_refusal(text, opset=26) == {"BitCast": "TF.js does not read the bits of float32 as int32"}


def test_what_has_more_axes_than_kernels_take_is_refused(tfjs_refusal):
    text = f"(float[{', '.join('2' * 7)}] x) => (float[{', '.join('2' * 7)}] y) {{ y = Exp (x) }}"
    assert tfjs_refusal(text) == {"Exp": "TF.js has Exp up to rank 6, not 7"}
