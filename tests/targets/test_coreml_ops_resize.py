"""Core ML: resizing by every mode; where MIL's own operation is documented to do the same it is the only one."""

from itertools import product

import numpy as np
import pytest

from edgewright.targets.coreml.deployment import Deployment
from edgewright.targets.coreml.emit import emit

COORDINATES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def text_of(shape, result, dtype="float", **attributes):
    said = ", ".join(f'{name} = "{v}"' if isinstance(v, str) else f"{name} = {v}" for name, v in attributes.items())
    given, wanted = (",".join(map(str, sizes)) for sizes in (shape, result))
    return f"({dtype}[{given}] x) => ({dtype}[{wanted}] y) {{ y = Resize{f'<{said}>' if said else ''}(x, , , s) }}"


def sizes_of(numbers):
    return {"s": np.array(numbers, np.int64)}


@pytest.mark.parametrize(("before", "after"), [((5, 6), (10, 12)), ((7, 9), (3, 4)), ((4, 5), (9, 2))])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_images_are_interpolated(coreml_agrees, mode, coordinates, before, after):
    shape, result = (1, 2, *before), (1, 2, *after)
    text = text_of(shape, result, mode=mode, coordinate_transformation_mode=coordinates)
    coreml_agrees(text, {"x": shape}, sizes_of(result))


@pytest.mark.parametrize(("coordinates", "rounding"), [*product(COORDINATES, ROUNDINGS)])
def test_the_nearest_is_chosen(coreml_agrees, coordinates, rounding):
    for before, after in (((4, 5), (8, 15)), ((7, 9), (4, 13))):
        shape, result = (1, 2, *before), (1, 2, *after)
        text = text_of(shape, result, coordinate_transformation_mode=coordinates, nearest_mode=rounding)
        coreml_agrees(text, {"x": shape}, sizes_of(result))


@pytest.mark.parametrize("exclude", [0, 1])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_shrinking_may_average_all_that_it_leaves_out(coreml_agrees, mode, exclude):
    text = text_of((1, 2, 9, 11), (1, 2, 4, 3), mode=mode, antialias=1, exclude_outside=exclude)
    coreml_agrees(text, {"x": (1, 2, 9, 11)}, sizes_of((1, 2, 4, 3)))


@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
def test_documented_samplings_are_one_operation(coreml_agrees, coordinates):
    text = text_of((1, 3, 5, 6), (1, 3, 10, 12), mode="linear", coordinate_transformation_mode=coordinates)
    assert coreml_agrees(text, {"x": (1, 3, 5, 6)}, sizes_of((1, 3, 10, 12))).operations == {"resize_bilinear": 1}


@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize(("before", "after"), [(300, 777), (1080, 720), (2000, 640), (37, 1999)])
def test_documented_samplings_of_long_axes_are_one_operation(coreml_agrees, before, after, coordinates):
    shape, result = (1, 1, 2, before), (1, 1, 2, after)
    text = text_of(shape, result, mode="linear", coordinate_transformation_mode=coordinates)
    # places are counted in float32: off by 2⁻¹³ of an element at the end of 2,000
    made = coreml_agrees(text, {"x": shape}, sizes_of(result), atol=1e-3)
    assert made.operations == {"resize_bilinear": 1}


@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric"])
def test_whole_factors_are_one_operation(coreml_agrees, coordinates):
    text = text_of(
        (1, 3, 5, 6), (1, 3, 10, 18), coordinate_transformation_mode=coordinates, nearest_mode="round_prefer_floor"
    )
    if coordinates == "asymmetric":
        text = text.replace("round_prefer_floor", "floor")
    made = coreml_agrees(text, {"x": (1, 3, 5, 6)}, sizes_of((1, 3, 10, 18)))
    assert made.operations == {"upsample_nearest_neighbor": 1}


def test_axes_that_are_no_image(coreml_agrees):
    coreml_agrees(text_of((4, 6), (7, 3), mode="linear"), {"x": (4, 6)}, sizes_of((7, 3)))
    coreml_agrees(text_of((5,), (8,)), {"x": (5,)}, sizes_of((8,)))
    coreml_agrees(
        text_of((1, 2, 3, 4, 5), (1, 2, 6, 5, 4), mode="linear"), {"x": (1, 2, 3, 4, 5)}, sizes_of((1, 2, 6, 5, 4))
    )


def test_integers_are_chosen(coreml):
    x = np.arange(12, dtype=np.int32).reshape(1, 1, 3, 4) + 2**24
    text = text_of((1, 1, 3, 4), (1, 1, 6, 8), dtype="int32")
    made = coreml(text, {"x": x}, sizes_of((1, 1, 6, 8)))
    np.testing.assert_array_equal(made.outputs["y"], x.repeat(2, 2).repeat(2, 3))


def test_integers_are_not_interpolated(coreml_refusal):
    text = text_of((1, 1, 3, 4), (1, 1, 6, 8), dtype="int32", mode="linear")
    assert "of integers" in coreml_refusal(text, sizes_of((1, 1, 6, 8)))


def test_open_sizes_are_repeated_by_whole_factors(hub_of_text):
    text = (
        "(float[n,3,h,w] x) => (float[n,3,a,b] y) <float[4] s = {1, 1, 2, 3}>"
        ' { y = Resize<coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , s) }'
    )
    emitted = emit(hub_of_text(text), Deployment.IOS15)
    assert emitted.coverage.nodes[0].detail == "upsample_nearest_neighbor"


@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "align_corners"])
def test_open_sizes_are_interpolated_by_whole_factors(hub_of_text, coordinates):
    text = (
        "(float[n,3,h,w] x) => (float[n,3,a,b] y) <float[4] s = {1, 1, 2, 3}>"
        f' {{ y = Resize<mode = "linear", coordinate_transformation_mode = "{coordinates}">(x, , s) }}'
    )
    emitted = emit(hub_of_text(text), Deployment.IOS15)
    assert emitted.coverage.nodes[0].detail == "upsample_bilinear"


@pytest.mark.parametrize(("coordinates", "factor"), [("half_pixel", 1.5), ("asymmetric", 2)])
def test_open_sizes_are_not_interpolated_otherwise(hub_of_text, coordinates, factor):
    text = (
        f"(float[n,3,h,w] x) => (float[n,3,a,b] y) <float[4] s = {{1, 1, {factor}, 3}}>"
        f' {{ y = Resize<mode = "linear", coordinate_transformation_mode = "{coordinates}">(x, , s) }}'
    )
    (node,) = emit(hub_of_text(text), Deployment.IOS15).coverage.refused
    assert "known only at run time" in node.detail
