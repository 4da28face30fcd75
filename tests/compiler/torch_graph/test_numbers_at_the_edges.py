"""Numbers where languages differ: exact in PyTorch too, in dtypes that it only holds as well."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgewright.compiler.torch_graph.graph import to_torch

UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
SIGNED = ["int8", "int16", "int32", "int64"]
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pairs(dtype):
    """Two vectors of eight, the corners of the dtype among them."""
    info = np.iinfo(dtype)
    near = st.sampled_from([info.min, info.min + 1, 0, 1, info.max // 2, info.max // 2 + 1, info.max - 1, info.max])
    vector = hnp.arrays(dtype, 8, elements=st.one_of(near, st.integers(info.min, info.max)))
    return st.tuples(vector, vector)


@pytest.fixture(scope="module")
def integers(proto_of, hub_of, compute):
    """Give a function of two vectors: `integers("uint64", "y = Div(a, b)", "uint64")`."""

    def make(dtype, nodes, result):
        text = f"({dtype}[8] a, {dtype}[8] b) => ({result}[8] y) {{ {nodes} }}"
        module = to_torch(hub_of(proto_of(text))).whole()
        return lambda a, b: compute(module, [a, b])[0]

    return make


@pytest.mark.parametrize("dtype", UNSIGNED + SIGNED)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_sums_and_products_wrap_around(dtype, op, integers):
    work, wanted = (
        integers(dtype, f"y = {op}(a, b)", dtype),
        {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}[op],
    )

    @QUICK
    @given(pairs(dtype))
    def check(drawn):
        np.testing.assert_array_equal(work(*drawn), wanted(*drawn))

    check()


@pytest.mark.parametrize("dtype", UNSIGNED + SIGNED)
def test_quotients_are_cut_towards_zero_and_remainders_have_either_sign(dtype, integers):
    quotient = integers(dtype, "y = Div(a, b)", dtype)
    floored = integers(dtype, "y = Mod(a, b)", dtype)
    cut = integers(dtype, "y = Mod<fmod=1>(a, b)", dtype)

    @QUICK
    @given(pairs(dtype))
    def check(drawn):
        a, b = drawn[0], np.where(drawn[1] == 0, 3, drawn[1]).astype(dtype)
        exact = [(abs(int(x)) // abs(int(y))) * (1 if (x < 0) == (y < 0) else -1) for x, y in zip(a, b, strict=True)]
        lowest, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        wrapped = [lowest if each > most else each for each in exact]
        np.testing.assert_array_equal(quotient(a, b), np.array(wrapped, dtype))
        np.testing.assert_array_equal(floored(a, b), [int(x) % int(y) for x, y in zip(a, b, strict=True)])
        np.testing.assert_array_equal(
            cut(a, b), [int(x) - int(y) * each for x, y, each in zip(a, b, exact, strict=True)]
        )

    check()


@pytest.mark.parametrize("dtype", UNSIGNED)
def test_unsigned_integers_are_compared_by_their_value(dtype, integers):
    less, largest = integers(dtype, "y = Less(a, b)", "bool"), integers(dtype, "y = Max(a, b)", dtype)
    place = integers(
        dtype, "c = Concat<axis=0>(a, b) i = ArgMax<axis=0>(c) n = Constant<value_ints=[8]>() y = Expand(i, n)", "int64"
    )

    @QUICK
    @given(pairs(dtype))
    def check(drawn):
        np.testing.assert_array_equal(less(*drawn), np.less(*drawn))
        np.testing.assert_array_equal(largest(*drawn), np.maximum(*drawn))
        assert place(*drawn)[0] == np.concatenate(drawn).argmax()

    check()


@pytest.mark.parametrize("dtype", UNSIGNED)
def test_bits_that_are_shifted_out_are_gone(dtype, integers):
    left = integers(dtype, 'y = BitShift<direction="LEFT">(a, b)', dtype)
    right = integers(dtype, 'y = BitShift<direction="RIGHT">(a, b)', dtype)
    width = np.iinfo(dtype).bits

    @QUICK
    @given(pairs(dtype))
    def check(drawn):
        a, b = drawn[0], drawn[1] % (width + 2)
        both = [(int(x), int(y)) for x, y in zip(a, b, strict=True)]
        np.testing.assert_array_equal(left(a, b), [(x << y) % 2**width for x, y in both])
        np.testing.assert_array_equal(right(a, b), [x >> y for x, y in both])

    check()


def test_the_lowest_number_divided_by_minus_one_stays(said):
    for dtype in SIGNED:
        low = np.array([np.iinfo(dtype).min, 7], dtype)
        (y,) = said(
            f"({dtype}[2] a, {dtype}[2] b) => ({dtype}[2] y) {{ y = Div(a, b) }}", [low, np.array([-1, -1], dtype)]
        )
        np.testing.assert_array_equal(y, np.array([np.iinfo(dtype).min, -7], dtype))


def test_means_of_integers_are_exact_beyond_their_dtype_and_cut(said):
    (y,) = said("(int32[3] x) => (int32 y) { y = ReduceMean<keepdims=0>(x) }", [np.int32([2**31 - 1, 2**31 - 1, 2])])
    assert y == (2 * (2**31 - 1) + 2) // 3
    (y,) = said("(uint64[2] x) => (uint64 y) { y = ReduceMean<keepdims=0>(x) }", [np.uint64([2**63 + 3, 2])])
    assert y == (2**63 + 5) // 2


def test_powers_of_integers_are_exact_and_fractions_are_cut(said):
    bases, exponents = np.int64([3, 2, -2, 1, -1, 5]), np.int64([39, -1, 63, -5, -3, 0])
    (y,) = said("(int64[6] a, int64[6] b) => (int64[6] y) { y = Pow(a, b) }", [bases, exponents])
    np.testing.assert_array_equal(y, [3**39, 0, -(2**63), 1, -1, 1])


def test_what_is_not_a_number_goes_through_max_and_min(said):
    a, b = np.float32([np.nan, 1, -np.inf]), np.float32([2, np.nan, np.inf])
    text = "(float[3] a, float[3] b) => (float[3] y, float[3] z) { y = Max(a, b) z = Min(a, b) }"
    high, low = said(text, [a, b])
    np.testing.assert_array_equal(high, [np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(low, [np.nan, np.nan, -np.inf])


def test_the_places_of_equals_are_the_first_or_the_last(said):
    x = np.float32([[1, 3, 3, 0, 0]])
    text = """(float[1,5] x) => (int64[1,1] a, int64[1,1] b, int64[1,1] c, int64[1,4] t) {
        a = ArgMax<axis=1>(x) b = ArgMax<axis=1, select_last_index=1>(x) c = ArgMin<axis=1, select_last_index=1>(x)
        k = Constant<value_ints=[4]>() v, t = TopK(x, k)
    }"""
    first, last, least, order = said(text, [x])
    assert (first.item(), last.item(), least.item()) == (1, 2, 4)
    np.testing.assert_array_equal(order, [[1, 2, 0, 3]])


@pytest.mark.parametrize(
    ("dtype", "saturated", "open_ended"),
    [
        ("float8e4m3fn", [448, -448, 448, 448, 16], [np.nan, np.nan, np.nan, 448, 16]),
        ("float8e4m3fnuz", [240, -240, 240, 240, 16], [np.nan, np.nan, np.nan, np.nan, 16]),
        ("float8e5m2", [57344, -57344, 57344, 448, 16], [np.inf, -np.inf, np.inf, 448, 16]),
        ("float8e5m2fnuz", [57344, -57344, 57344, 448, 16], [np.nan, np.nan, np.nan, 448, 16]),
    ],
)
def test_floats_of_eight_bits_saturate_unless_told_not_to(dtype, saturated, open_ended, proto_of, hub_of, compute):
    x = np.float32([1e6, -1e6, np.inf, 460, 16.9])
    kind = {"float8e4m3fn": 17, "float8e4m3fnuz": 18, "float8e5m2": 19, "float8e5m2fnuz": 20}[dtype]
    text = f"""(float[5] x) => (float[5] y, float[5] z) {{
        a = Cast<to={kind}>(x) y = Cast<to=1>(a) b = Cast<to={kind}, saturate=0>(x) z = Cast<to=1>(b)
    }}"""
    y, z = compute(to_torch(hub_of(proto_of(text))).whole(), [x])
    np.testing.assert_array_equal(y, np.float32(saturated))
    np.testing.assert_array_equal(z, np.float32(open_ended))


def test_unsigned_integers_are_moved_bit_for_bit(said):
    x = np.array([[2**64 - 1, 2**63, 5]], np.uint64)
    text = """(uint64[1,3] x) => (uint64[3,1] t, uint64[1,5] p, uint64[1,2] g, uint64[1,3] s) {
        t = Transpose(x)
        a = Constant<value_ints=[0,1,0,1]>() p = Pad(x, a, v)
        i = Constant<value_ints=[-1,0]>() g = Gather<axis=1>(x, i)
        n = Constant<value_ints=[-1]>() o = Constant<value_ints=[1]>() m = Constant<value_ints=[-9]>()
        s = Slice(x, n, m, o, n)
    }"""
    turned, padded, gathered, backwards = said(text, [x], {"v": np.array(2**64 - 2, np.uint64)})
    assert turned.ravel().tolist() == [2**64 - 1, 2**63, 5]
    assert padded.ravel().tolist() == [2**64 - 2, 2**64 - 1, 2**63, 5, 2**64 - 2]
    assert gathered.ravel().tolist() == [5, 2**64 - 1]
    assert backwards.ravel().tolist() == [5, 2**63, 2**64 - 1]
