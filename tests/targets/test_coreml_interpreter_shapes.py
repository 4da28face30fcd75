"""Reductions, shapes and moved elements of the interpreter, against NumPy, PyTorch and the documentation's examples."""

import math

import numpy as np
import pytest

F32 = np.float32
X = np.arange(24, dtype=F32).reshape(2, 3, 4) - 7


@pytest.mark.parametrize(
    ("operation", "reference"),
    [
        ("reduce_l1_norm", lambda x, **k: np.sum(np.abs(x), **k)),
        ("reduce_l2_norm", lambda x, **k: np.sqrt(np.sum(x * x, **k))),
        ("reduce_max", np.max),
        ("reduce_mean", np.mean),
        ("reduce_min", np.min),
        ("reduce_prod", np.prod),
        ("reduce_sum", np.sum),
        ("reduce_sum_square", lambda x, **k: np.sum(x * x, **k)),
        ("reduce_log_sum_exp", lambda x, **k: np.log(np.sum(np.exp(x.astype(float)), **k))),
    ],
)
def test_reductions(mil, operation, reference):
    np.testing.assert_allclose(
        mil(operation, x=X, axes=np.array([0, -1], np.int32)), reference(X, axis=(0, 2)), rtol=1e-6
    )
    np.testing.assert_allclose(
        mil(operation, x=X, axes=np.array([1], np.int32), keep_dims=np.array(True)),
        reference(X, axis=1, keepdims=True),
        rtol=1e-6,
    )
    assert mil(operation, x=X).shape == ()


def test_the_logarithm_of_a_sum(mil):
    assert mil("reduce_log_sum", x=np.array([1, 2, 3], F32)) == pytest.approx(math.log(6))
    assert mil("reduce_log_sum_exp", x=np.array([1000, 1000], F32)) == pytest.approx(1000 + math.log(2))
    assert mil("reduce_log_sum_exp", x=np.array([-math.inf, -math.inf], F32)) == -math.inf


def test_half_precision_is_summed_in_single(mil):
    """4096 ones and a half more each: in float16 a running sum would stop at 2048."""
    total = mil("reduce_sum", x=np.full(4096, 1.5, np.float16))
    assert (total.dtype, total) == (np.float16, 6144)


def test_whole_numbers_are_reduced_in_their_own_type(mil):
    x = np.array([[1, 2], [3, 6]], np.int32)
    assert mil("reduce_sum", x=x, axes=np.array([1], np.int32)).tolist() == [3, 9]
    assert mil("reduce_mean", x=x).dtype == np.int32
    with pytest.raises(ValueError, match="its result is no int32"):
        mil("reduce_mean", x=x, axes=np.array([1], np.int32))


def test_places_of_extremes(mil):
    x = np.array([[1, 5, 5], [7, 0, 2]], F32)
    assert mil("reduce_argmax", x=x).tolist() == [1, 0]
    assert mil("reduce_argmin", x=x, axis=0, keep_dims=np.array(True)).tolist() == [[0, 1, 1]]
    assert mil("reduce_argmax", x=x).dtype == np.int32
    assert mil("reduce_argmax", x=x, output_dtype="uint16").dtype == np.uint16


def test_running_sums(mil):
    x = np.array([[1, 2, 3], [4, 5, 6]], F32)
    assert mil("cumsum", x=x).tolist() == [[1, 2, 3], [5, 7, 9]]
    assert mil("cumsum", x=x, axis=1, exclusive=np.array(True)).tolist() == [[0, 1, 3], [0, 4, 9]]
    assert mil("cumsum", x=x, axis=-1, reverse=np.array(True)).tolist() == [[6, 5, 3], [15, 11, 6]]
    both = mil("cumsum", x=x, axis=1, exclusive=np.array(True), reverse=np.array(True))
    assert both.tolist() == [[5, 3, 0], [11, 6, 0]]


def shape_of(mil, size, wanted, opset):
    return mil("reshape", x=np.zeros(size, F32), shape=np.array(wanted, np.int32), opset=opset).shape


def test_reshape_counts_zeros_from_the_right_since_ios_17(mil):
    assert shape_of(mil, (2, 50), [1, 0, -1, 0], "CoreML7") == (1, 1, 2, 50)
    assert shape_of(mil, (2, 3, 4), [0, -1, 2], "CoreML5") == (2, 6, 2)
    with pytest.raises(ValueError, match="needs as many axes"):
        shape_of(mil, (2, 50), [1, 0, -1, 0], "CoreML6")


@pytest.mark.parametrize("wanted", [[5, 5], [-1, -1], [-2, 12]])
def test_shapes_that_do_not_fit(mil, wanted):
    with pytest.raises(ValueError, match="reshape 'it'"):
        shape_of(mil, (2, 3, 4), wanted, "CoreML7")


def test_axes_come_and_go(mil):
    assert mil("expand_dims", x=X, axes=np.array([0, -1], np.int32)).shape == (1, 2, 3, 4, 1)
    assert mil("squeeze", x=np.zeros((1, 2, 1), F32)).shape == (2,)
    assert mil("squeeze", x=np.zeros((1, 2, 1), F32), axes=np.array([-1, 1], np.int32)).shape == (1, 2)
    with pytest.raises(ValueError, match="axes"):
        mil("squeeze", x=np.zeros((1, 2), F32), axes=np.array([2], np.int32))


@pytest.mark.parametrize(
    ("size", "axis", "expected"),
    [((3,), -1, (1, 3)), ((3,), 1, (3, 1)), ((4, 3), -1, (4, 3)), ((2, 3, 2), -1, (6, 2)), ((5, 5, 2), 1, (5, 10))],
)
def test_flattening_to_two_axes(mil, size, axis, expected):
    assert mil("flatten2d", x=np.zeros(size, F32), axis=axis).shape == expected


def test_the_shape_of_others(mil):
    got = mil(
        "reshape_like",
        x=np.zeros(180, F32),
        ref_tensors=[np.zeros((2, 3, 4)), np.zeros((1, 5, 6))],
        begins=[0, 1],
        ends=[2, 0],
        end_masks=[False, True],
    )
    assert got.shape == (2, 3, 5, 6)
    assert mil("shape", x=X).tolist() == [2, 3, 4]


def test_filling_and_counting(mil):
    assert mil("fill", shape=np.array([2, 1], np.int32), value=np.int32(3)).tolist() == [[3], [3]]
    assert mil("fill", shape=np.array([1], np.int32)).dtype == np.float32
    assert mil("fill_like", ref_tensor=X, value=np.array(True)).dtype == np.bool_
    assert mil("range_1d", start=F32(1), end=F32(2), step=F32(0.25)).tolist() == [1, 1.25, 1.5, 1.75]
    assert mil("range_1d", start=np.int32(5), end=np.int32(0), step=np.int32(-2)).tolist() == [5, 3, 1]


def test_what_is_made_is_not_larger_than_any_device(mil):
    with pytest.raises(ValueError, match=r"a tensor of \[100000, 100000\] cannot be made"):
        mil("fill", shape=np.array([100000, 100000], np.int32))
    with pytest.raises(ValueError, match=r"a tensor of \[-1\] cannot be made"):
        mil("fill", shape=np.array([-1], np.int32))


def test_concatenation_one_after_the_other_or_in_turn(mil):
    first, second = np.array([[1, 2], [3, 4], [5, 6]]), np.array([[7, 8], [9, 10], [11, 12]])
    after = mil("concat", values=[first, second], axis=0)
    assert after.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    in_turn = mil("concat", values=[first, second], axis=0, interleave=np.array(True))
    assert in_turn.tolist() == [[1, 2], [7, 8], [3, 4], [9, 10], [5, 6], [11, 12]]
    columns = mil("concat", values=[first, second], axis=-1, interleave=np.array(True))
    assert columns[0].tolist() == [1, 7, 2, 8]


def test_splitting_and_stacking(mil):
    x = np.arange(6, dtype=F32)
    assert [part.tolist() for part in mil("split", x=x, num_splits=3, axis=0)] == [[0, 1], [2, 3], [4, 5]]
    uneven = mil("split", x=x, split_sizes=np.array([1, 5], np.int32), axis=-1)
    assert [part.tolist() for part in uneven] == [[0], [1, 2, 3, 4, 5]]
    with pytest.raises(ValueError, match=r"6 cannot be split into \[1, 4\]"):
        mil("split", x=x, split_sizes=np.array([1, 4], np.int32), axis=0)
    assert mil("stack", values=[x[:2], x[2:4]], axis=1).tolist() == [[0, 2], [1, 3]]


def test_repeating_and_turning(mil):
    assert mil("tile", x=np.array([[1, 2]]), reps=np.array([2, 2], np.int32)).tolist() == [[1, 2, 1, 2]] * 2
    assert mil("transpose", x=X, perm=np.array([-1, 0, 1], np.int32)).shape == (4, 2, 3)
    assert np.array_equal(mil("reverse", x=X), X[::-1, ::-1, ::-1])
    assert np.array_equal(mil("reverse", x=X, axes=np.array([-1], np.int32)), X[..., ::-1])
    got = mil(
        "reverse_sequence",
        x=np.array([[1, 2, 3], [4, 5, 6]]),
        lengths=np.array([2, 3], np.int32),
        seq_axis=1,
        batch_axis=0,
    )
    assert got.tolist() == [[2, 1, 3], [6, 5, 4]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("constant", [9, 9, 1, 2, 3, 9]), ("reflect", [3, 2, 1, 2, 3, 2]), ("replicate", [1, 1, 1, 2, 3, 3])],
)
def test_padding_the_last_axis(mil, mode, expected):
    x = np.array([[1, 2, 3]], F32)
    assert mil("pad", x=x, pad=np.array([2, 1], np.int32), mode=mode, constant_val=F32(9)).tolist() == [expected]


def test_padding_more_than_there_is(mil):
    x = np.array([[1, 2, 3]], F32)
    with pytest.raises(ValueError, match="more than reflect has to give"):
        mil("pad", x=x, pad=np.array([3, 0], np.int32), mode="reflect")
    with pytest.raises(ValueError, match=r"pad \[1\] of \[1, 3\]"):
        mil("pad", x=x, pad=np.array([1], np.int32))


def test_a_band_about_the_diagonal(mil):
    ones = np.ones((1, 3, 3), F32)
    assert np.array_equal(mil("band_part", x=ones, lower=0, upper=-1)[0], np.triu(ones[0]))
    assert np.array_equal(mil("band_part", x=ones, lower=-1, upper=0)[0], np.tril(ones[0]))
    assert np.array_equal(mil("band_part", x=ones, lower=0, upper=0)[0], np.eye(3))
    assert mil("band_part", x=np.full((2, 2), np.inf, F32), lower=0, upper=0)[0, 1] == 0


def test_windows_along_an_axis(mil):
    got = mil("sliding_windows", x=np.arange(7, dtype=F32), axis=0, size=3, stride=2)
    assert got.tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert mil("sliding_windows", x=X, axis=-2, size=2).shape == (2, 2, 2, 4)


def test_pixels_are_shuffled_as_pytorch_does_it(mil):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 12, 3, 5)).astype(F32)
    wide = mil("pixel_shuffle", x=x, upscale_factor=2)
    assert np.array_equal(wide, torch.pixel_shuffle(torch.tensor(x), 2))
    assert np.array_equal(mil("pixel_unshuffle", x=wide, downscale_factor=2), x)


def test_depth_and_space(mil):
    """The place in a block is the slower part of a channel's number, as in TensorFlow's operation."""
    x = np.arange(8, dtype=F32).reshape(1, 8, 1, 1)
    wide = mil("depth_to_space", x=x, block_size=2)
    assert wide.tolist() == [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]
    assert np.array_equal(mil("space_to_depth", x=wide, block_size=2), x)


def test_batches_and_space(mil):
    """The first example of TensorFlow's `space_to_batch`, and one with padding."""
    x = np.array([[[[1, 2], [3, 4]]]], F32)
    block, none = np.array([2, 2], np.int32), np.zeros((2, 2), np.int32)
    batched = mil("space_to_batch", x=x, block_shape=block, paddings=none)
    assert batched.ravel().tolist() == [1, 2, 3, 4]
    assert np.array_equal(mil("batch_to_space", x=batched, block_shape=block, crops=none), x)
    padded = np.array([[1, 1], [0, 2]], np.int32)
    batched = mil("space_to_batch", x=x, block_shape=block, paddings=padded)
    assert batched.shape == (4, 1, 2, 2)
    assert np.array_equal(mil("batch_to_space", x=batched, block_shape=block, crops=padded), x)
