"""Core ML: slices and splits, whose bounds are int64 in the hub and int32 in MIL."""

import numpy as np
import pytest

X = np.arange(2 * 5 * 7, dtype=np.float32).reshape(2, 5, 7)
LAST, FIRST = 2**63 - 1, -(2**63)


def sliced(coreml, shape, starts, ends, axes=None, steps=None):
    weights = {
        "starts": starts,
        "ends": ends,
        "axes": axes or [*range(len(starts))],
        "steps": steps or [1] * len(starts),
    }
    sizes = ",".join(map(str, shape))
    text = f"(float[2,5,7] x) => (float[{sizes}] y) {{ y = Slice(x, starts, ends, axes, steps) }}"
    return coreml(text, {"x": X}, {name: np.array(numbers, np.int64) for name, numbers in weights.items()})


@pytest.mark.parametrize("last", [LAST, 2**31 - 1, 2**31, 7])
def test_an_end_beyond_the_axis_is_the_end_of_the_axis(coreml, last):
    assert (sliced(coreml, (2, 5, 4), [3], [last], [2]).outputs["y"] == X[:, :, 3:]).all()


@pytest.mark.parametrize("first", [FIRST, -(2**31), -(2**31) - 1, -7, 0])
def test_a_start_before_the_axis_is_its_start(coreml, first):
    assert (sliced(coreml, (2, 5, 3), [first], [3], [2]).outputs["y"] == X[:, :, :3]).all()


@pytest.mark.parametrize(("start", "end", "step"), [(LAST, FIRST, -1), (-1, FIRST, -2), (5, 1, -3), (-2, -6, -2)])
def test_a_negative_step_goes_backwards(coreml, start, end, step):
    wanted = X[:, :, slice(start, None if end == FIRST else end, step)]
    assert (sliced(coreml, wanted.shape, [start], [end], [2], [step]).outputs["y"] == wanted).all()


def test_backwards_a_start_before_the_axis_is_its_first_element(coreml):
    assert (sliced(coreml, (2, 5, 1), [-9], [FIRST], [2], [-2]).outputs["y"] == X[:, :, :1]).all()


def test_axes_of_different_steps_are_one_slice(coreml):
    made = sliced(coreml, (1, 2, 3), [1, -1, 1], [LAST, 0, -1], [0, 1, -1], [1, -2, 2])
    assert (made.outputs["y"] == X[1:, -1:0:-2, 1:-1:2]).all()
    assert made.operations["slice_by_index"] == 1


def test_bounds_that_leave_everything_are_no_slice(coreml):
    assert "slice_by_index" not in sliced(coreml, (2, 5, 7), [0, -5], [LAST, 9]).operations


def test_integers_and_booleans_are_sliced_as_they_are(coreml):
    numbers = np.array([[2**31 - 1, -(2**31), 16_777_217]], np.int32)
    made = coreml(
        "(int32[1,3] x, bool[1,3] m) => (int32[1,2] y, bool[1,2] n)"
        " <int64[1] s = {1}, int64[1] e = {9223372036854775807}, int64[1] a = {1}>"
        " { y = Slice(x, s, e, a) n = Slice(m, s, e, a) }",
        {"x": numbers, "m": np.array([[True, False, True]])},
    )
    assert made.outputs["y"].tolist() == [[-(2**31), 16_777_217]]
    assert made.outputs["n"].tolist() == [[False, True]]


@pytest.mark.parametrize(("start", "end"), [(0, 4), (-3, 2**31 - 1), (2, -1), (-2147483647, 100)])
def test_bounds_computed_at_run_time_are_clamped_too(coreml, start, end):
    made = coreml(
        "(float[2,5,7] x, int64[1] s, int64[1] e) => (float[2,5,n] y) <int64[1] a = {2}> { y = Slice(x, s, e, a) }",
        {"x": X, "s": np.array([start]), "e": np.array([end])},
    )
    assert (made.outputs["y"] == X[:, :, start:end]).all()


def test_an_empty_slice_is_refused(coreml_refusal):
    text = "(float[2,5] x) => (float[2,0] y) <int64[1] s={3}, int64[1] e={3}, int64[1] a={1}> { y = Slice(x, s, e, a) }"
    assert "it holds no elements" in coreml_refusal(text)


def test_split_leaves_the_smaller_rest_at_the_end(coreml):
    made = coreml(
        "(float[2,5,7] x) => (float[2,5,3] a, float[2,5,3] b, float[2,5,1] c)"
        " { a, b, c = Split<axis = -1, num_outputs = 3>(x) }",
        {"x": X},
    )
    for name, wanted in zip("abc", (X[..., :3], X[..., 3:6], X[..., 6:]), strict=True):
        assert (made.outputs[name] == wanted).all()


def test_split_into_sizes(coreml):
    made = coreml(
        "(float[2,5,7] x) => (float[2,1,7] a, float[2,4,7] b) <int64[2] s = {1, 4}> { a, b = Split<axis = 1>(x, s) }",
        {"x": X},
    )
    assert (made.outputs["a"] == X[:, :1]).all()
    assert (made.outputs["b"] == X[:, 1:]).all()


def test_an_empty_piece_may_be_joined_again(coreml):
    made = coreml(
        "(float[2,5,7] x) => (float[2,5,7] y) <int64[2] s = {7, 0}>"
        " { a, b = Split<axis = 2>(x, s) n = Neg(a) y = Concat<axis = 2>(n, b) }",
        {"x": X},
    )
    assert (made.outputs["y"] == -X).all()


def test_an_empty_piece_is_of_no_other_use(coreml_refusal):
    text = (
        "(float[2,7] x, float[2,1] z) => (float[2,1] y) <int64[2] s = {7, 0}, int64[1] axes = {1}>"
        " { a, b = Split<axis = 1>(x, s) c = Add(b, z) y = ReduceSum(c, axes) }"
    )
    assert "without elements" in coreml_refusal(text)
