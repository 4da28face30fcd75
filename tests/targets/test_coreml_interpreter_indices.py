"""Gathers, slices and scatters of the interpreter, by the formulas and examples of their documentation."""

import numpy as np
import pytest

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("indices", [1, [1, 0, 1], [[0, 1], [1, 1]]])
def test_gather_takes_along_an_axis(mil, axis, indices):
    expected = np.take(X, indices, axis)
    np.testing.assert_array_equal(mil("gather", x=X, indices=np.array(indices, np.int32), axis=axis), expected)


@pytest.mark.parametrize("axis", [1, 2])
def test_each_item_of_a_batch_gathers_by_its_own_indices(mil, axis):
    indices = np.array([[0, 1], [1, 2]], np.int32)
    expected = np.stack([np.take(item, own, axis - 1) for item, own in zip(X, indices, strict=True)])
    np.testing.assert_array_equal(mil("gather", x=X, indices=indices, axis=axis, batch_dims=1), expected)


def test_two_batch_axes(mil):
    indices = np.array([[3, 0, 1], [2, 2, 2]], np.int32)
    expected = [[3, 4, 9], [14, 18, 22]]
    assert mil("gather", x=X, indices=indices, axis=2, batch_dims=2).tolist() == expected


@pytest.mark.parametrize("opset", ["CoreML5", "CoreML6"])
def test_a_negative_index_counts_from_the_end_before_ios_17(mil, opset):
    assert mil("gather", opset=opset, x=X[0, 0], indices=np.array([-1, -4])).tolist() == [3, 0]
    assert mil("gather_nd", opset=opset, x=X[0, 0], indices=np.array([[-1]])).tolist() == [3]


@pytest.mark.parametrize(("opset", "index"), [("CoreML7", -1), ("CoreML8", -1), ("CoreML5", -5), ("CoreML7", 4)])
def test_an_index_out_of_bounds_is_an_error(mil, opset, index):
    for kind in ("gather", "gather_along_axis"):
        with pytest.raises(ValueError, match=f"index {index} is out of bounds"):
            mil(kind, opset=opset, x=X[0, 0], indices=np.array([index]))


def test_gather_along_axis_takes_single_elements(mil):
    indices = np.array([[[2, 0, 1, 2]], [[0, 0, 1, 1]]], np.int32)
    got = mil("gather_along_axis", x=X, indices=indices, axis=1)
    assert got.tolist() == [[[8, 1, 6, 11]], [[12, 13, 18, 19]]]


def test_gather_along_axis_wants_the_other_sizes_of_its_input(mil):
    with pytest.raises(ValueError, match="does not fit"):
        mil("gather_along_axis", x=X, indices=np.zeros((1, 3, 4), np.int32), axis=1)


def test_gather_nd_takes_by_coordinates(mil):
    assert mil("gather_nd", x=X, indices=np.array([[0, 1, 2], [1, 2, 3]])).tolist() == [6, 23]
    np.testing.assert_array_equal(mil("gather_nd", x=X, indices=np.array([[[1, 0]]])), X[1, 0][None, None])


def test_gather_nd_of_a_batch(mil):
    indices = np.array([[[0], [2]], [[1], [1]]])
    got = mil("gather_nd", x=X, indices=indices, batch_dims=1)
    np.testing.assert_array_equal(got, np.stack([X[0, [0, 2]], X[1, [1, 1]]]))


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ({"begin": [1, 0, 1], "end": [2, 2, 3]}, X[1:2, 0:2, 1:3]),
        ({"begin": [0, -2, 3], "end": [2, -1, 0], "stride": [1, 1, -1]}, X[0:2, -2:-1, 3:0:-1]),
        ({"begin": [1, 1, 1], "end": [9, 9, 2], "stride": [1, 1, 2]}, X[1:9, 1:9, 1:2:2]),
        (
            {
                "begin": [0, 5, 3], "end": [2, 5, 0], "stride": [1, -1, -2],
                "begin_mask": [0, 1, 0], "end_mask": [0, 1, 1],
            },
            X[:, ::-1, 3::-2],
        ),
        ({"begin": [1, 0, -1], "end": [0, 3, 0], "squeeze_mask": [1, 0, 1]}, X[1, 0:3, -1]),
        ({"begin": [1, 2, 3], "end": [0, 0, 0], "squeeze_mask": [1, 1, 1]}, X[1, 2, 3]),
        ({"begin": [0, 1, 0], "end": [2, 1, 4]}, X[:, 1:1]),
    ],
)  # fmt: skip
def test_slices_are_numpys(mil, slices, expected):
    masks = {name: np.array(value, np.bool_) if "mask" in name else np.array(value) for name, value in slices.items()}
    got = mil("slice_by_index", x=X, **masks)
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "slices", [{"begin": [0, 0], "end": [1, 1]}, {"begin": [2, 0, 0], "end": [0, 1, 1], "squeeze_mask": [1, 0, 0]}]
)
def test_a_slice_that_does_not_fit_is_an_error(mil, slices):
    with pytest.raises(ValueError, match=r"do not fit|out of bounds"):
        mil("slice_by_index", x=X, **slices)


def test_slice_by_size(mil):
    got = mil("slice_by_size", x=X, begin=np.array([1, -2, 1]), size=np.array([1, 2, -1]))
    np.testing.assert_array_equal(got, X[1:2, 1:3, 1:])
    assert mil("slice_by_size", x=X[0, 0], begin=np.array([2]), size=np.array([0])).shape == (0,)


def test_a_size_beyond_the_end_is_an_error(mil):
    with pytest.raises(ValueError, match="3 elements from 2 of 4"):
        mil("slice_by_size", x=X[0, 0], begin=np.array([2]), size=np.array([3]))


def test_slice_update_writes_what_slice_by_index_would_take(mil):
    where = {"begin": np.array([0, 2, 0]), "end": np.array([1, 0, 4]), "stride": np.array([1, -1, 3])}
    where |= {"squeeze_mask": np.array([True, False, False])}
    got = mil("slice_update", x=X, update=np.full((2, 2), -1, np.float32), **where)
    expected = X.copy()
    expected[0, 2:0:-1, 0:4:3] = -1
    np.testing.assert_array_equal(got, expected)
    assert X[0, 2, 0] == 8


def test_the_example_of_scatter(mil):
    got = mil(
        "scatter", data=np.array([[1, 2, 3], [4, 5, 6]], np.int32), indices=np.array([1, 0], np.int32),
        updates=np.array([[5, 6, 7], [8, 9, 10]], np.int32), axis=0, mode="add",
    )  # fmt: skip
    assert (got.dtype, got.tolist()) == (np.int32, [[9, 11, 13], [9, 11, 13]])


MODES = {"add": 17.0, "sub": -7.0, "mul": 175.0, "div": 0.2, "max": 7.0, "min": 5.0}


@pytest.mark.parametrize(("mode", "joined"), MODES.items())
def test_of_an_index_that_is_named_twice_every_update_counts(mil, mode, joined):
    data, updates = np.array([5, 5, 5], np.float32), np.array([5, 7], np.float32)
    expected = pytest.approx([5, 5 / 35 if mode == "div" else joined, 5])
    places = np.array([1, 1])
    assert mil("scatter", data=data, indices=places, updates=updates, mode=mode).tolist() == expected
    assert mil("scatter_along_axis", data=data, indices=places, updates=updates, mode=mode).tolist() == expected
    assert mil("scatter_nd", data=data, indices=places[:, None], updates=updates, mode=mode).tolist() == expected


def test_scatter_along_another_axis(mil):
    updates = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    got = mil("scatter", data=X, indices=np.array([3, 1]), updates=updates, axis=-1, mode="update")
    expected = X.copy()
    expected[:, :, [3, 1]] = updates
    np.testing.assert_array_equal(got, expected)


def test_scatter_along_axis_writes_single_elements(mil):
    indices = np.array([[2, 0], [1, 2]])
    got = mil(
        "scatter_along_axis", data=np.zeros((2, 3), np.float32), indices=indices,
        updates=np.array([[1, 2], [3, 4]], np.float32), axis=1, mode="update",
    )  # fmt: skip
    assert got.tolist() == [[2, 0, 1], [0, 3, 4]]


def test_scatter_nd_writes_slices(mil):
    got = mil("scatter_nd", data=X, indices=np.array([[0, 1]]), updates=np.full((1, 4), 9, np.float32), mode="update")
    expected = X.copy()
    expected[0, 1] = 9
    np.testing.assert_array_equal(got, expected)


def test_the_data_stay_as_they_were_and_add_is_the_default_of_two(mil):
    data, one = np.zeros(2, np.float32), np.ones(1, np.float32)
    assert mil("scatter_nd", data=data, indices=np.array([[1]]), updates=one).tolist() == [0, 1]
    assert mil("scatter_along_axis", data=data, indices=np.array([1]), updates=one).tolist() == [0, 1]
    assert data.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"mode": "update", "updates": np.float32([1, 2])}, "two updates of one element differ"),
        ({"mode": "xor"}, "mode 'xor'"),
        ({}, "'mode' is missing"),
        ({"mode": "div", "data": np.array([1]), "updates": np.array([1, 1])}, "mode 'div' of int64"),
        ({"mode": "add", "updates": np.float32([1])}, "updates"),
    ],
)
def test_what_scatter_does_not_say_is_an_error(mil, how, message):
    given = {"data": np.zeros(1, np.float32), "indices": np.array([0, 0]), "updates": np.ones(2, np.float32)}
    with pytest.raises(ValueError, match=message):
        mil("scatter", **given | how)


def test_the_same_update_twice_is_none_too_many(mil):
    got = mil(
        "scatter", data=np.zeros(2, np.float32), indices=np.array([1, 1]), updates=np.float32([3, 3]), mode="update"
    )
    assert got.tolist() == [0, 3]


def test_halves_are_summed_in_single_precision(mil):
    got = mil(
        "scatter",
        data=np.zeros(1, np.float16),
        indices=np.zeros(4096, int),
        updates=np.ones(4096, np.float16),
        mode="add",
    )
    assert (got.dtype, got.tolist()) == (np.float16, [4096])
