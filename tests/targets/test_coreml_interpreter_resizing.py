"""Resizing, cropping and sampling of images: against PyTorch, and the numbers that the documentation prints."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agree(got, expected, tolerance=1e-5):
    """Tolerance: the rounding of coordinates of few pixels."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected.numpy(), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("UNALIGN_CORNERS", [0, 0.1, 0.5, 0.9, 1]),
        ("STRICT_ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("DEFAULT", [0, 0.4, 0.8, 1, 1]),
        ("OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9]),
        ("UNALIGN_CORNERS", [0, 0, 1 / 3, 2 / 3, 1, 1]),
        ("STRICT_ALIGN_CORNERS", [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("DEFAULT", [0, 1 / 3, 2 / 3, 1, 1, 1]),
        ("OFFSET_CORNERS", [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12]),
        ("STRICT_ALIGN_CORNERS", [0]),
        ("ALIGN_CORNERS", [0.5]),
    ],
)
def test_the_grids_are_those_that_the_documentation_prints(mil, mode, expected):
    x = np.array([0, 1], np.float32).reshape(1, 1, 2)
    sizes = {"target_size_height": 1, "target_size_width": len(expected)}
    got = mil("resize_bilinear", x=x, sampling_mode=mode, **sizes)
    np.testing.assert_allclose(got.ravel(), expected, atol=1e-6)
    shape = np.array([1, 1, len(expected)], np.int32)
    again = mil("resize", opset="CoreML7", x=x, shape=shape, resized_dims=2, sampling_mode=mode)
    np.testing.assert_array_equal(again, got)


@pytest.mark.parametrize(("size", "aligned"), [*itertools.product([(3, 4), (7, 5), (12, 2)], [True, False])])
def test_bilinear_resizing_is_pytorchs(mil, size, aligned):
    x = drawn(2, 3, 6, 5)
    mode = "STRICT_ALIGN_CORNERS" if aligned else "UNALIGN_CORNERS"
    got = mil("resize_bilinear", x=x, target_size_height=size[0], target_size_width=size[1], sampling_mode=mode)
    agree(got, F.interpolate(torch.from_numpy(x), size, mode="bilinear", align_corners=aligned))


@pytest.mark.parametrize("aligned", [True, False])
def test_bilinear_enlargement_is_pytorchs_with_the_factor_computed_again(mil, aligned):
    x = drawn(2, 3, 6, 5)
    got = mil("upsample_bilinear", x=x, scale_factor_height=1.5, scale_factor_width=2.3, align_corners=aligned)
    agree(got, F.interpolate(torch.from_numpy(x), (9, 11), mode="bilinear", align_corners=aligned))


def test_corners_are_aligned_by_default_and_neither_is_the_grid_of_the_ratio(mil):
    x = np.array([1, 2], np.float32).reshape(1, 1, 1, 2)
    factors = {"scale_factor_height": 1, "scale_factor_width": 3}
    np.testing.assert_allclose(mil("upsample_bilinear", x=x, **factors).ravel(), [1, 1.2, 1.4, 1.6, 1.8, 2], rtol=1e-6)
    neither = mil("upsample_bilinear", x=x, align_corners=False, half_pixel_centers=False, **factors)
    np.testing.assert_allclose(neither.ravel(), [1, 4 / 3, 5 / 3, 2, 2, 2], rtol=1e-6)
    with pytest.raises(ValueError, match="exclude each other"):
        mil("upsample_bilinear", x=x, align_corners=True, half_pixel_centers=True, **factors)


@pytest.mark.parametrize("factors", [(1, 2), (4, 3), (1.5, 2.5)])
def test_nearest_enlargement_is_pytorchs(mil, factors):
    x = drawn(2, 3, 4, 6)
    got = mil("upsample_nearest_neighbor", x=x, scale_factor_height=factors[0], scale_factor_width=factors[1])
    agree(got, F.interpolate(torch.from_numpy(x), scale_factor=factors, mode="nearest"), 0)


def test_the_size_is_that_of_a_product_in_float32(mil):
    """0.7 in float32 is a little less."""
    assert mil("upsample_bilinear", x=drawn(1, 1, 10), scale_factor_width=np.float32(0.7)).shape == (1, 1, 7)
    assert mil("upsample_nearest_neighbor", x=drawn(1, 1, 10), scale_factor_width=np.float32(0.7)).shape == (1, 1, 7)


def test_a_factor_that_could_mean_two_things_is_an_error(mil):
    with pytest.raises(ValueError, match="not documented"):
        mil("upsample_nearest_neighbor", x=drawn(1, 1, 4), scale_factor_width=1.500025)


@pytest.mark.parametrize(("size", "expected"), [(3, "abb"), (4, "aabb"), (2, "ab"), (1, "b"), (5, "aabbb")])
def test_a_nearest_neighbour_is_the_element_in_which_a_centre_lies(mil, size, expected):
    x = np.array([[[[1, 2]]]], np.float32)
    places = [["a", "b"].index(letter) + 1 for letter in expected]
    assert mil("resize_nearest_neighbor", x=x, target_size_height=1, target_size_width=size).ravel().tolist() == places
    shape = np.array([1, size], np.int32)
    got = mil("resize", x=x.astype(np.int32), shape=shape, resized_dims=2, interpolation_mode="NEAREST_NEIGHBOR")
    assert (got.dtype, got.ravel().tolist()) == (np.int32, places)


def test_nearest_resizing_is_pytorchs_exact_one(mil):
    x = drawn(2, 3, 6, 5)
    got = mil("resize_nearest_neighbor", x=x, target_size_height=4, target_size_width=13)
    agree(got, F.interpolate(torch.from_numpy(x), (4, 13), mode="nearest-exact"), 0)


def test_a_size_of_zero_is_kept(mil):
    x = drawn(1, 2, 3, 5)
    assert mil("resize", x=x, shape=np.array([1, 6, 0]), resized_dims=2).shape == (1, 2, 6, 5)
    np.testing.assert_array_equal(mil("resize", x=x, shape=np.array([0, 0, 0]), resized_dims=3), x)


@pytest.mark.parametrize(
    "how", [{"interpolation_mode": "NEAREST_NEIGHBOR", "sampling_mode": "ALIGN_CORNERS"}, {"x": np.ones((1, 2), int)}]
)
def test_a_rounding_that_is_not_documented_is_an_error(mil, how):
    with pytest.raises(ValueError, match="not documented"):
        mil("resize", **{"x": drawn(1, 2), "shape": np.array([3]), "resized_dims": 1} | how)


def test_crop_cuts_the_borders(mil):
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    assert mil("crop", x=x, crop_height=[0, 1], crop_width=[1, 1]).ravel().tolist() == [2, 3, 6, 7, 10, 11]


PADDING = {"zeros": "constant", "border": "border"}


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("kind", ["bilinear", "nearest"])
def test_resampling_is_pytorchs_grid_sample(mil, aligned, padding, kind):
    x, grid = drawn(2, 3, 5, 7), drawn(2, 4, 6, 2, seed=1) * 1.7
    mirrored = "reflection" if aligned else "symmetric"
    got = mil(
        "resample", x=x, coordinates=grid, sampling_mode=kind, padding_mode=PADDING.get(padding, mirrored),
        padding_value=np.float32(0), coordinates_mode="normalized_minus_one_to_one", align_corners=aligned,
    )  # fmt: skip
    tensors = map(torch.from_numpy, (x, grid))
    agree(got, F.grid_sample(*tensors, mode=kind, padding_mode=padding, align_corners=aligned), 2e-5)


def resampled(mil, places, **how):
    x = np.array([1, 2, 3], np.float32).reshape(1, 1, 1, 3)
    coordinates = np.stack([np.asarray(places), np.zeros(len(places), np.asarray(places).dtype)], -1)[None, None]
    defaults = {
        "sampling_mode": "nearest", "padding_mode": "constant", "padding_value": np.float32(0),
        "coordinates_mode": "unnormalized", "align_corners": True,
    }  # fmt: skip
    return mil("resample", x=x, coordinates=coordinates, **defaults | how).ravel().tolist()


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("constant", [0, 0, 0, 1, 2, 3, 0, 0, 0]),
        ("border", [1, 1, 1, 1, 2, 3, 3, 3, 3]),
        ("symmetric", [3, 2, 1, 1, 2, 3, 3, 2, 1]),
    ],
)
def test_the_paddings_are_those_that_the_documentation_prints(mil, padding, expected):
    assert resampled(mil, range(-3, 6), padding_mode=padding) == expected


def test_a_reflection_leaves_the_border_out(mil):
    assert resampled(mil, range(-3, 6), padding_mode="reflection") == [2, 3, 2, 1, 2, 3, 2, 1, 2]


def test_outside_there_is_the_padding_value_also_between_pixels(mil):
    got = resampled(mil, [-0.5, 2.25, 9.0], sampling_mode="bilinear", padding_value=np.float32(10))
    assert got == [5.5, 4.75, 10]


def test_coordinates_may_be_whole_numbers_or_lie_between_zero_and_one(mil):
    assert resampled(mil, np.array([2, 0], np.int32)) == [3, 1]
    assert resampled(mil, [0.0, 0.5, 1.0], coordinates_mode="normalized_zero_to_one") == [1, 2, 3]


def test_coordinates_that_are_no_numbers_are_an_error(mil):
    with pytest.raises(ValueError, match="no number"):
        resampled(mil, [np.nan])


def test_an_affine_map_is_pytorchs(mil):
    x, matrix = drawn(2, 3, 5, 7), drawn(2, 6, seed=1)
    got = mil(
        "affine", x=x, transform_matrix=matrix, output_height=4, output_width=6, sampling_mode="bilinear",
        padding_mode="constant", padding_value=np.float32(0), coordinates_mode="normalized_minus_one_to_one",
        align_corners=True,
    )  # fmt: skip
    grid = F.affine_grid(torch.from_numpy(matrix).reshape(2, 2, 3), (2, 3, 4, 6), align_corners=True)
    agree(got, F.grid_sample(torch.from_numpy(x), grid, align_corners=True), 2e-5)


IMAGE = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)


def cropped(mil, box, count, **how):
    boxes = {"boxes": np.array([box], np.float32), "box_indices": np.array([0], np.int32)}
    sizes = {"target_height": count, "target_width": count, "sampling_mode": "ALIGN_CORNERS"}
    return mil("crop_resize", opset="CoreML7", x=IMAGE, **boxes, **sizes | how)


@pytest.mark.parametrize(
    ("box", "count", "expected"),
    [
        ([1, 1, 2, 2], 2, [6, 7, 10, 11]),
        ([1, 1, 2, 2], 1, [8.5]),
        ([2, 2, 1, 1], 2, [11, 10, 7, 6]),
    ],
)
def test_a_box_is_sampled_between_its_corners(mil, box, count, expected):
    assert cropped(mil, box, count).ravel().tolist() == expected


def test_a_box_may_be_written_in_four_ways(mil):
    upright = cropped(mil, [0, 1, 3, 2], 2)
    for mode, box in {
        "CORNERS_WIDTH_FIRST": [1, 0, 2, 3],
        "CENTER_SIZE_HEIGHT_FIRST": [1.5, 1.5, 3, 1],
        "CENTER_SIZE_WIDTH_FIRST": [1.5, 1.5, 1, 3],
    }.items():
        np.testing.assert_array_equal(cropped(mil, box, 2, box_coordinate_mode=mode), upright)
    scaled = cropped(mil, [0, 2, 6, 4], 2, spatial_scale=np.float32(0.5))
    np.testing.assert_array_equal(scaled, upright)


def test_samples_outside_of_the_image_are_the_pad_value(mil):
    boxes = np.array([[0.1, 0.3, 1.3, 1.0], [0.5, 1.8, 1.0, 0.3], [0.0, 0.4, 0.6, 0.7]], np.float32)
    got = mil(
        "crop_resize", opset="CoreML7", x=IMAGE, boxes=boxes, box_indices=np.zeros(3, np.int32), target_width=2,
        target_height=2, normalized_coordinates=True, sampling_mode="ALIGN_CORNERS", pad_value=np.float32(10),
    )  # fmt: skip
    expected = [3.1, 5.2, 10, 10, 10, 7.9, 10, 13.9, 2.2, 3.1, 9.4, 10.3]
    np.testing.assert_allclose(got.ravel(), expected, rtol=1e-5)


def test_regions_of_four_numbers_are_cut_out_of_every_image_and_those_of_five_out_of_one(mil):
    x = np.concatenate([IMAGE, IMAGE + 100])
    sizes = {"target_height": 2, "target_width": 2, "sampling_mode": "ALIGN_CORNERS", "opset": "CoreML6"}
    every = mil("crop_resize", x=x, roi=np.array([1, 1, 2, 2], np.float32).reshape(1, 1, 4, 1, 1), **sizes)
    assert every.shape == (1, 2, 1, 2, 2)
    assert every.ravel().tolist() == [6, 7, 10, 11, 106, 107, 110, 111]
    one = mil("crop_resize", x=x, roi=np.array([1, 1, 1, 2, 2], np.float32).reshape(1, 1, 5, 1, 1), **sizes)
    assert one.shape == (1, 1, 1, 2, 2)
    assert one.ravel().tolist() == [106, 107, 110, 111]


def test_a_box_that_leaves_the_image_is_an_error_in_ios_15(mil):
    roi = np.array([1, 1, 4, 4], np.float32).reshape(1, 1, 4, 1, 1)
    sizes = {"target_height": 2, "target_width": 2, "sampling_mode": "ALIGN_CORNERS"}
    with pytest.raises(ValueError, match="iOS 15 has no pad_value"):
        mil("crop_resize", opset="CoreML5", x=IMAGE, roi=roi, **sizes)


def test_an_image_that_is_not_there_is_an_error(mil):
    with pytest.raises(ValueError, match="an image that is not there"):
        mil("crop_resize", x=IMAGE, boxes=np.ones((1, 4), np.float32), box_indices=np.array([1], np.int32))
