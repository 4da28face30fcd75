"""Images of another size in TF.js: by its kernels where they do the same, by picks and products else."""

import numpy as np
import pytest

MODES = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]


def resized(tfjs, sizes, attributes, *, size=(5, 7)):
    before, after = (f"float[1,3,{height},{width}]" for height, width in (size, sizes))
    text = f"({before} x) => ({after} y) {{ y = Resize <{attributes}> (x, , , s) }}"
    return tfjs(text, {"s": np.array([1, 3, *sizes])})


@pytest.mark.parametrize("coordinates", MODES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("sizes", [(10, 14), (3, 4), (8, 5)])
def test_every_mode(tfjs, coordinates, mode, sizes):
    resized(tfjs, sizes, f'mode = "{mode}", coordinate_transformation_mode = "{coordinates}"')


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
def test_every_rounding_of_the_nearest(tfjs, rounding):
    for coordinates in MODES[:3]:
        attributes = f'nearest_mode = "{rounding}", coordinate_transformation_mode = "{coordinates}"'
        resized(tfjs, (9, 12), f'mode = "nearest", {attributes}')


def test_doubling_is_one_operator_channels_last(tfjs):
    attributes = 'mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"'
    assert resized(tfjs, (10, 14), attributes).ops == {"ResizeNearestNeighbor": 1, "Transpose": 2}
    assert resized(tfjs, (10, 14), 'mode = "linear"').ops == {"ResizeBilinear": 1, "Transpose": 2}


def test_places_that_float32_and_float64_put_apart_are_picked_by_number(tfjs):
    attributes = 'mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"'
    built = resized(tfjs, (49, 49), attributes, size=(7, 7))
    assert built.outputs["y"].shape == (1, 3, 49, 49)
