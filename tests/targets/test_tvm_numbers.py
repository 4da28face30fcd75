"""Numbers at their edges, through TVM: what is not finite, the ends of integer dtypes, ties, indices out of an axis."""

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tvm import runtime
from edgewright.targets.tvm.target import TVM

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
    "int32": [-(2**31), 2**31 - 1, -1, 0, 1, 5, -5, 46341],
    "uint32": [0, 1, 2**32 - 1, 2**31, 65537],
    "int64": [-(2**63), 2**63 - 1, -1, 0, 1, 5, -5, 3037000500],
    "uint64": [0, 1, 2**64 - 1, 2**63, 2**32 + 1],
}
"""By dtype: numbers whose sums and products wrap."""


@pytest.fixture
def tvm(tmp_path, hub_of_text):
    """Compile text for TVM and run it: gives the outputs by name."""

    def run(text, feeds, weights=None, opset=20):
        (out := tmp_path / f"artifact{len(list(tmp_path.iterdir()))}").mkdir()
        TVM().compile(hub_of_text(text, weights, opset), Options(variant="fp32"), out)
        return runtime.TVM().load(out / "model.so", RunOptions()).run(feeds)

    return run


@pytest.fixture
def refusals(hub_of_text):
    """Give why nodes of a text are refused, by operator."""

    def reasons(text, weights=None):
        coverage = TVM().coverage(hub_of_text(text, weights), Options(variant="fp32"))
        return {entry.op: entry.detail for entry in coverage.refused}

    return reasons


def of_each(ops, given, count, size, gives=None):
    """Write a graph that gives the result of each of several operators of the same operands."""
    names = [f"x{place}" for place in range(count)]
    inputs = ", ".join(f"{given}[{size}] {name}" for name in names)
    outputs = ", ".join(f"{gives or given}[{size}] {op}" for op in ops)
    nodes = " ".join(f"{op} = {op} ({', '.join(names)})" for op in ops)
    return f"({inputs}) => ({outputs}) {{ {nodes} }}"


def test_floats_of_every_kind(tvm):
    wanted = {
        "Abs": np.abs, "Neg": np.negative, "Sign": np.sign, "Ceil": np.ceil, "Floor": np.floor, "Round": np.round,
        "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Reciprocal": np.reciprocal, "Tanh": np.tanh, "Sin": np.sin,
    }  # fmt: skip
    got = tvm(of_each(wanted, "float", 1, FLOATS.size), {"x0": FLOATS})
    with np.errstate(all="ignore"):
        for op, function in wanted.items():
            # 1e-7 beside 0, where tanh is a quotient of sums
            np.testing.assert_allclose(got[op], function(FLOATS), rtol=1e-6, atol=1e-7, err_msg=op)


def test_the_hyperbolic_tangent_is_right_to_four_places_of_its_last_digit(tvm):
    x = np.concatenate([np.linspace(-10, 10, 4001), np.geomspace(1e-30, 1, 500)]).astype(np.float32)
    got = tvm(of_each(["Tanh"], "float", 1, x.size), {"x0": x})["Tanh"]
    wanted = np.tanh(x.astype(np.float64))
    assert (np.abs(got - wanted) / np.spacing(np.abs(wanted).astype(np.float32))).max() <= 4


def test_floats_are_told_apart(tvm):
    nodes = """
        nan = IsNaN (x) inf = IsInf (x) low = IsInf <detect_positive = 0> (x) cast = Cast <to = 9> (x)
        same = Equal (x, x)
    """
    outputs = ", ".join(f"bool[{FLOATS.size}] {name}" for name in ("nan", "inf", "low", "cast", "same"))
    got = tvm(f"(float[{FLOATS.size}] x) => ({outputs}) {{ {nodes} }}", {"x": FLOATS})
    np.testing.assert_array_equal(got["nan"], np.isnan(FLOATS))
    np.testing.assert_array_equal(got["inf"], np.isinf(FLOATS))
    np.testing.assert_array_equal(got["low"], FLOATS == -INF)
    np.testing.assert_array_equal(got["cast"], FLOATS.astype(np.bool_))
    np.testing.assert_array_equal(got["same"], ~np.isnan(FLOATS))


def test_pairs_of_floats(tvm):
    wanted = {
        "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Max": np.maximum, "Min": np.minimum,
        "Pow": np.power,
    }  # fmt: skip
    got = tvm(of_each(wanted, "float", 2, PAIRS[0].size), {"x0": PAIRS[0], "x1": PAIRS[1]})
    with np.errstate(all="ignore"):
        for op, function in wanted.items():
            np.testing.assert_allclose(got[op], function(*PAIRS), rtol=1e-6, err_msg=op)


def test_the_opposite_of_a_comparison_holds_for_nan(tvm):
    n = PAIRS[0].size
    nodes = """
        less = Less (x, y) y1 = Not (less) even = LessOrEqual (x, y) y2 = Not (even) same = Equal (x, y) y3 = Not (same)
    """
    text = f"(float[{n}] x, float[{n}] y) => (bool[{n}] y1, bool[{n}] y2, bool[{n}] y3) {{ {nodes} }}"
    got = tvm(text, {"x": PAIRS[0], "y": PAIRS[1]})
    np.testing.assert_array_equal(got["y1"], ~(PAIRS[0] < PAIRS[1]))
    np.testing.assert_array_equal(got["y2"], ~(PAIRS[0] <= PAIRS[1]))
    np.testing.assert_array_equal(got["y3"], PAIRS[0] != PAIRS[1])


def test_pairs_of_floats_compare(tvm):
    wanted = {
        "Equal": np.equal, "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater,
        "GreaterOrEqual": np.greater_equal,
    }  # fmt: skip
    got = tvm(of_each(wanted, "float", 2, PAIRS[0].size, "bool"), {"x0": PAIRS[0], "x1": PAIRS[1]})
    for op, function in wanted.items():
        np.testing.assert_array_equal(got[op], function(*PAIRS), err_msg=op)


BOUNDED = {
    "relu": ("Relu (v)", lambda v: np.maximum(v, 0)),
    "clip": ("Clip (v, low, high)", lambda v: np.clip(v, -1, 2)),
    "below": ("Clip (v, , high)", lambda v: np.minimum(v, 2)),
    "above": ("Clip (v, bound)", lambda v: np.maximum(v, 0.5)),
    "sigmoid": ("HardSigmoid (v)", lambda v: np.clip(0.2 * v + 0.5, 0, 1)),
}
"""By name: an operator that brings a value between bounds, constant ones and such that are computed, and NumPy's."""


@pytest.mark.parametrize("before", ["Identity (x)", "Conv (x, kernel)"])
def test_bounds_keep_nan(tvm, before):
    x = np.repeat(FLOATS, 3).reshape(1, 1, 6, 8)
    nodes = " ".join(f"{name} = {node}" for name, (node, _) in BOUNDED.items())
    outputs = ", ".join(f"float[1,c,6,8] {name}" for name in BOUNDED)
    text = f"(float[1,1,6,8] x, float bound) => ({outputs}) {{ v = {before} {nodes} }}"
    numbers = {"low": np.array(-1, np.float32), "high": np.array(2, np.float32), "kernel": np.ones((4, 1, 1, 1), "f")}
    got = tvm(text, {"x": x, "bound": np.array(0.5, np.float32)}, numbers)
    for name, (_, function) in BOUNDED.items():
        wanted = np.broadcast_to(function(x), got[name].shape)
        np.testing.assert_allclose(got[name], wanted, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("before", ["Identity (x)", "Conv (x, kernel)"])
def test_pooling_keeps_nan_and_finds_nothing_but_infinity(tvm, before):
    text = f"""(float[1,1,4,4] x) => (
        float[1,c,2,2] windows, float[1,c,2,2] best, int64[1,c,2,2] at, float[1,c,1,1] all
    ) {{
        v = {before} windows = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1]> (v)
        best, at = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (v) all = GlobalMaxPool (v)
    }}"""
    x = np.full((1, 1, 4, 4), -INF, np.float32)
    x[0, 0, 0, 1], x[0, 0, 2, 0] = NAN, 3
    got = tvm(text, {"x": x}, {"kernel": np.ones((1, 1, 1, 1), np.float32)})
    np.testing.assert_array_equal(got["windows"].ravel(), [NAN, -INF, 3, -INF])
    np.testing.assert_array_equal(got["best"].ravel(), [NAN, -INF, 3, -INF])
    np.testing.assert_array_equal(got["at"].ravel(), [1, 2, 8, 10])
    np.testing.assert_array_equal(got["all"].ravel(), [NAN])


def test_a_constant_zero_is_no_rule_of_its_own(tvm):
    n = FLOATS.size
    text = f"""(float[{n}] x) => (float[{n}] product, float[{n}] over, float[{n}] under) <float zero = {{0}}> {{
        product = Mul (x, zero) over = Div (x, zero) under = Div (zero, x)
    }}"""
    got = tvm(text, {"x": FLOATS})
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got["product"], FLOATS * np.float32(0))
        np.testing.assert_array_equal(got["over"], FLOATS / np.float32(0))
        np.testing.assert_array_equal(got["under"], np.float32(0) / FLOATS)


@pytest.mark.parametrize("dtype", ENDS)
def test_integers_wrap(tvm, dtype):
    x, y = (pair.ravel() for pair in np.meshgrid(*[np.array(ENDS[dtype], dtype)] * 2))
    n, wide = x.size, "int64" if dtype.startswith("i") else "uint64"
    text = f"""({dtype}[{n}] x, {dtype}[{n}] y) => (
        {dtype}[{n}] sum, {dtype}[{n}] difference, {dtype}[{n}] product, {wide}[{n}] widened, bool[{n}] less,
        {dtype}[{n}] high, {dtype}[{n}] square, {dtype}[{n}] quotient, {dtype}[{n}] rest
    ) {{
        sum = Add (x, y) difference = Sub (x, y) product = Mul (x, y)
        widened = Cast <to = {7 if wide == "int64" else 13}> (sum) less = Less (difference, x)
        high = Max (x, y) square = Pow (x, exponent) quotient = Div (x, y) rest = Mod (x, y)
    }}"""
    got = tvm(text, {"x": x, "y": y}, {"exponent": np.array(2, np.int64)})
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got["sum"], x + y)
        np.testing.assert_array_equal(got["difference"], x - y)
        np.testing.assert_array_equal(got["product"], x * y)
        np.testing.assert_array_equal(got["widened"], (x + y).astype(wide))
        np.testing.assert_array_equal(got["less"], (x - y) < x)
        np.testing.assert_array_equal(got["high"], np.maximum(x, y))
        np.testing.assert_array_equal(got["square"], x * x)
    exact = [(int(one), int(other)) for one, other in zip(x, y, strict=True)]
    quotients = [0 if not q else abs(p) // abs(q) * (1 if (p < 0) == (q < 0) else -1) for p, q in exact]
    wrapped = [quotient % 2 ** (8 * x.itemsize) for quotient in quotients]
    np.testing.assert_array_equal(got["quotient"], np.array(wrapped, f"u{x.itemsize}").astype(dtype))
    np.testing.assert_array_equal(got["rest"], np.array([p % q if q else 0 for p, q in exact], dtype))


@pytest.mark.parametrize("dtype", [name for name in ENDS if name.startswith("i")])
def test_the_lowest_integer_has_no_opposite(tvm, dtype):
    x = np.array(ENDS[dtype], dtype)
    got = tvm(of_each(["Abs", "Neg", "Sign"], dtype, 1, x.size), {"x0": x})
    np.testing.assert_array_equal(got["Abs"], np.abs(x))
    np.testing.assert_array_equal(got["Neg"], -x)
    np.testing.assert_array_equal(got["Sign"], np.sign(x))


@pytest.mark.parametrize("dtype", [name for name in ENDS if name.startswith("u")])
def test_shifts_by_the_width_and_more_leave_nothing(tvm, dtype):
    width = 8 * np.dtype(dtype).itemsize
    x = np.array([1, 3, 2**width - 1, 2 ** (width - 1), 7, 1, 255], dtype)
    places = np.array([0, 1, width - 1, width, width + 1, 2 * width, 200], dtype)
    nodes = 'left = BitShift <direction = "LEFT"> (x, y) right = BitShift <direction = "RIGHT"> (x, y)'
    text = f"({dtype}[7] x, {dtype}[7] y) => ({dtype}[7] left, {dtype}[7] right) {{ {nodes} }}"
    got = tvm(text, {"x": x, "y": places})
    exact = list(zip(map(int, x), map(int, places), strict=True))
    np.testing.assert_array_equal(got["left"], np.array([(a << s) % 2**width for a, s in exact], dtype))
    np.testing.assert_array_equal(got["right"], np.array([a >> s for a, s in exact], dtype))


def test_reductions_keep_what_is_not_finite(tvm):
    x = np.array([[1, NAN, 3], [-INF, -INF, -INF], [INF, 1, -2]], np.float32)
    nodes = """
        most = ReduceMax <keepdims = 0> (x, axes) least = ReduceMin <keepdims = 0> (x, axes)
        log = ReduceLogSumExp <keepdims = 0> (x, axes)
    """
    got = tvm(
        f"(float[3,3] x) => (float[3] most, float[3] least, float[3] log) <int64[1] axes = {{1}}> {{ {nodes} }}",
        {"x": x},
    )
    np.testing.assert_array_equal(got["most"], [NAN, -INF, INF])
    np.testing.assert_array_equal(got["least"], [NAN, -INF, -2])
    np.testing.assert_array_equal(got["log"], [NAN, -INF, INF])


def test_the_place_of_an_extreme_is_the_first_or_the_last_of_several(tvm):
    x = np.array([[1, 3, 3, 0], [NAN, 5, NAN, 1], [-INF, -INF, -INF, -INF]], np.float32)
    text = """(float[3,4] x) => (int64[3,1] first, int64[3,1] last, int64[3,1] least) {
        first = ArgMax <axis = 1> (x) last = ArgMax <axis = 1, select_last_index = 1> (x) least = ArgMin <axis = 1> (x)
    }"""
    got = tvm(text, {"x": x})
    np.testing.assert_array_equal(got["first"].ravel(), [1, 0, 0])
    np.testing.assert_array_equal(got["last"].ravel(), [2, 2, 3])
    np.testing.assert_array_equal(got["least"].ravel(), [3, 0, 0])


def test_top_k_takes_equal_values_in_their_order(tvm):
    x = np.array([[2, 7, 2, 7, 1], [0, 0, 0, 0, 0]], np.float32)
    text = """(float[2,5] x) => (float[2,3] most, int64[2,3] at, float[2,3] least, int64[2,3] below)
    <int64[1] k = {3}> { most, at = TopK (x, k) least, below = TopK <largest = 0> (x, k) }"""
    got = tvm(text, {"x": x})
    np.testing.assert_array_equal(got["most"], [[7, 7, 2], [0, 0, 0]])
    np.testing.assert_array_equal(got["at"], [[1, 3, 0], [0, 1, 2]])
    np.testing.assert_array_equal(got["least"], [[1, 2, 2], [0, 0, 0]])
    np.testing.assert_array_equal(got["below"], [[4, 0, 2], [0, 1, 2]])


def test_indices_count_from_the_end_and_stay_in_their_axis(tvm):
    text = """(float[4] x, int64[4] at) => (float[4] picked, float[4] written) {
        picked = Gather (x, at) written = ScatterElements <reduction = "add"> (x, at, x)
    }"""
    feeds = {"x": np.array([1, 2, 4, 8], np.float32), "at": np.array([-1, 0, -4, 3])}
    got = tvm(text, feeds)
    np.testing.assert_array_equal(got["picked"], [8, 1, 1, 8])
    np.testing.assert_array_equal(got["written"], [1 + 2 + 4, 2, 4, 8 + 1 + 8])
    far = tvm(text, feeds | {"at": np.array([10**12, -(10**12), 4, -5])})
    np.testing.assert_array_equal(far["picked"], [8, 1, 8, 1])


def test_what_is_put_back_stays_in_its_tensor(tvm):
    text = """(float[1,1,1,2] x, int64[1,1,1,2] at, float[1,4,1] cache, float[1,2,1] update, int64[1] start) => (
        float[1,1,2,4] y, float[1,4,1] z
    ) { y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (x, at) z = TensorScatter (cache, update, start) }"""
    feeds = {"x": np.array([[[[5, 7]]]], np.float32), "cache": np.zeros((1, 4, 1), np.float32)}
    feeds["update"] = np.array([[[1], [2]]], np.float32)
    ends = np.array([[[[-(2**63), 2**63 - 1]]]])
    far = tvm(text, feeds | {"at": ends, "start": np.array([-(2**63)])}, opset=24)
    np.testing.assert_array_equal(far["y"].ravel(), [5, 0, 0, 0, 0, 0, 0, 7])
    np.testing.assert_array_equal(far["z"].ravel(), [0, 0, 0, 0])


def test_outputs_may_be_inputs_constants_scalars_and_empty(tvm):
    text = """(float[2] x, int64 unused, float[0,2] none) => (
        float[2] same, float[2] again, int64[2] fixed, float total, float[0,2] nothing, float[1,0] flat
    ) <int64[2] c = {9223372036854775807, 3}, int64[2] wanted = {1, 0}> {
        same = Identity (x) again = Identity (x) fixed = Identity (c) total = ReduceSum <keepdims = 0> (x)
        nothing = Mul (none, x) flat = Reshape <allowzero = 1> (none, wanted)
    }"""
    x = np.array([1.5, 2], np.float32)
    got = tvm(text, {"x": x, "unused": np.array(3), "none": np.zeros((0, 2), np.float32)})
    assert {name: array.tolist() for name, array in got.items()} == {
        "same": [1.5, 2],
        "again": [1.5, 2],
        "fixed": [2**63 - 1, 3],
        "total": 3.5,
        "nothing": [],
        "flat": [[]],
    }
    assert (got["nothing"].shape, got["flat"].shape, got["total"].shape) == ((0, 2), (1, 0), ())


def test_strides_of_what_has_no_elements_may_be_any(tvm):
    empty = np.lib.stride_tricks.as_strided(np.zeros(64, np.float32), (0, 2), (400, 8))
    got = tvm(
        "(float[0,2] none, float[1] x) => (float[0,2] y, float[1] z) { y = Abs (none) z = Abs (x) }",
        {"none": empty, "x": np.ones(1, np.float32)},
    )
    assert got["y"].shape == (0, 2)


@pytest.mark.parametrize("dtype", ["float16", "double"])
def test_other_reals(tvm, dtype):
    kind = np.float16 if dtype == "float16" else np.float64
    x = np.array([0.1, 0.7, -0.3, 0.9], kind)
    nodes = """
        asin = Asin (x) power = Pow (x, x) total = ReduceSum (x) most = Max (x, half) cast = Cast <to = 1> (x)
        rounded = Round (x)
    """
    outputs = ", ".join(f"{dtype}[{size}] {name}" for name, size in (("asin", 4), ("power", 4), ("total", 1)))
    text = f"""({dtype}[4] x) => ({outputs}, {dtype}[4] most, float[4] cast, {dtype}[4] rounded) {{ {nodes} }}"""
    got = tvm(text, {"x": x}, {"half": np.array(0.5, kind)})
    precise = x.astype(np.float64)
    rtol = 1e-3 if dtype == "float16" else 1e-14
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(got["asin"], np.arcsin(precise), rtol=rtol)
        np.testing.assert_allclose(got["power"], precise**precise, rtol=rtol)
    np.testing.assert_allclose(got["total"], [precise.sum()], rtol=rtol)
    np.testing.assert_array_equal(got["most"], np.maximum(x, kind(0.5)))
    np.testing.assert_array_equal(got["cast"], x.astype(np.float32))
    np.testing.assert_array_equal(got["rounded"], np.round(x))


def test_what_has_no_fixed_size_or_draws_is_refused(refusals):
    found = refusals("""(float[2,3] x) => (int64[2,n] places, float[m] each, float[2,3] noise) {
        places = NonZero (x) each = Unique (x) noise = RandomNormalLike (x)
    }""")
    assert "depends on the data" in found["NonZero"]
    assert "depends on the data" in found["Unique"]
    assert "draws numbers" in found["RandomNormalLike"]


def test_a_constant_index_outside_of_its_axis_is_refused(refusals):
    found = refusals("(float[4] x) => (float[1] y) <int64[1] at = {4}> { y = Gather (x, at) }")
    assert found["Gather"] == "an index lies outside of its axis of 4"


def test_booleans_are_compared(tvm):
    a, c = np.array([False, False, True, True]), np.array([False, True, False, True])
    got = tvm(of_each(["Equal", "And", "Or", "Xor"], "bool", 2, 4), {"x0": a, "x1": c})
    assert {op: list(result) for op, result in got.items()} == {
        "Equal": [True, False, False, True],
        "And": [False, False, False, True],
        "Or": [False, True, True, True],
        "Xor": [False, True, True, False],
    }


def test_a_mask_that_keeps_what_there_is_not_is_refused(refusals):
    mask = {"mask": np.array([True, False, True])}
    found = refusals("(float[2] x) => (float[2] y) { y = Compress <axis = 0> (x, mask) }", mask)
    assert found["Compress"] == "its mask keeps element 2 of an axis of 2"


@pytest.mark.parametrize(("reduction", "joined"), [("none", 5), ("add", 15)])
def test_elements_are_scattered_by_fewer_indices_than_the_data_has_rows(reduction, joined, tvm):
    text = f"""(float[2,3,2] x, int64[2,2,1] at, float[2,2,1] u) => (float[2,3,2] y) {{
        y = ScatterElements<axis=2, reduction="{reduction}">(x, at, u)
    }}"""
    given = np.full((2, 3, 2), 10, np.float32)
    at = np.array([[[0], [-1]], [[1], [0]]])
    got = tvm(text, {"x": given, "at": at, "u": np.full((2, 2, 1), 5, np.float32)})["y"]
    assert got.tolist() == [[[joined, 10], [10, joined], [10, 10]], [[10, joined], [joined, 10], [10, 10]]]


def test_more_of_the_largest_than_there_are_is_refused(refusals):
    text = "(float[4] x) => (float[n] y, int64[n] at) <int64[1] k = {9}> { y, at = TopK (x, k) }"
    assert refusals(text)["TopK"] == "its k is 9, of an axis of 4"
