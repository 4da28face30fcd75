"""Resizing and cropping of images: the last two axes of `x: [..., H, W]`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..arguments import Arguments, Array
from .grids import grid, interpolated
from .operation import Implementation
from .precision import narrowed, widened
from .sampling import affine, crop_resize, resample


def upsample_nearest_neighbor(a: Arguments) -> Array:
    """Enlarge by a factor to `floor(size * factor)`: output `i` is input `floor(i / factor)`.

    Raises:
        ValueError: when a fractional factor, and the ratio of the sizes after rounding, choose different elements: the
            documentation does not say which of them counts.
    """
    y, factors = a["x"], _factors(a)
    for axis, factor, count in zip((-2, -1), factors, _enlarged(a, factors), strict=True):
        size = y.shape[axis]
        indices = [min(size - 1, int(i / factor)) for i in range(count)]
        if indices != [i * size // count for i in range(count)]:
            raise ValueError(f"which of {size} elements a factor of {float(factor)} repeats is not documented")
        y = np.take(y, indices, axis)
    return y


def upsample_bilinear(a: Arguments) -> Array:
    """Enlarge to `floor(size * factor)`; the grid is that of the sizes, the factor is not used any more.

    `half_pixel_centers` (iOS 16) is by default the contrary of `align_corners`; without both of them sample `i` lies
    at `i * size / count`.
    """
    aligned = a.flag("align_corners", True)
    centred = a.flag("half_pixel_centers", not aligned)
    if aligned and centred:
        raise ValueError("align_corners and half_pixel_centers exclude each other")
    mode = "STRICT_ALIGN_CORNERS" if aligned else "UNALIGN_CORNERS" if centred else "DEFAULT"
    return _interpolated(a["x"], mode, _enlarged(a, _factors(a)))


def _factors(a: Arguments) -> tuple[Fraction, Fraction]:
    return Fraction(a.real("scale_factor_height", 1)), Fraction(a.real("scale_factor_width", 1))


def _enlarged(a: Arguments, factors: tuple[Fraction, Fraction]) -> tuple[int, int]:
    """Give the sizes, from products in float32, as a factor is: ten times 0.7 is seven."""
    height, width = (
        int(np.floor(np.float32(size) * np.float32(float(factor))))
        for size, factor in zip(a["x"].shape[-2:], factors, strict=True)
    )
    return _agreed(a, height, width)


def _agreed(a: Arguments, height: int, width: int) -> tuple[int, int]:
    """Give the sizes of the result, once the file's declaration agrees."""
    shape = a.agreed((*a["x"].shape[:-2], height, width))
    return shape[-2], shape[-1]


def _interpolated(x: Array, mode: str, counts: tuple[int, ...]) -> Array:
    """Interpolate along the last axes, of which `counts` are the sizes of the result."""
    y = widened(x)
    for axis, count in zip(range(-len(counts), 0), counts, strict=True):
        y = interpolated(y, axis, grid(mode, y.shape[axis], count))
    return narrowed(y, x.dtype)


def _nearest(x: Array, counts: tuple[int, ...]) -> Array:
    for axis, count in zip(range(-len(counts), 0), counts, strict=True):
        x = np.take(x, nearest(x.shape[axis], count), axis)
    return x


def resize_nearest_neighbor(a: Arguments) -> Array:
    """Resize to `target_size_height` by `target_size_width`, as `resize` does by its nearest neighbours."""
    return _nearest(a["x"], _agreed(a, a.integer("target_size_height"), a.integer("target_size_width")))


def nearest(size: int, count: int) -> Array:
    """Give the element that each of `count` samples takes: the one in which its centre lies.

    The documentation does not say it. coremltools' own tests, which compare with Core ML, give `(a, b, b)` for two
    elements resized to three, and equal TensorFlow's `ResizeNearestNeighbor` with `half_pixel_centers`.
    """
    return (2 * np.arange(count) + 1) * size // (2 * count)


def resize_bilinear(a: Arguments) -> Array:
    """Resize to `target_size_height` by `target_size_width` by linear interpolation on the grid of `sampling_mode`."""
    counts = _agreed(a, a.integer("target_size_height", 1), a.integer("target_size_width", 1))
    return _interpolated(a["x"], a.text("sampling_mode", "DEFAULT"), counts)


def resize(a: Arguments) -> Array:
    """Resize the last `resized_dims` axes to the last entries of `shape`, of which 0 keeps a size (iOS 17).

    Raises:
        ValueError: for nearest neighbours in another mode than `DEFAULT` and for interpolation of integers: the
            documentation does not say how they are rounded.
    """
    x, dims, wanted = a["x"], a.integer("resized_dims"), a.ints("shape")
    if not 0 <= dims <= len(wanted) <= x.ndim:
        raise ValueError(f"{dims} sizes of {wanted} for an input of rank {x.ndim}")
    kept = x.ndim - dims
    sizes = (size or own for size, own in zip(wanted[len(wanted) - dims :], x.shape[kept:], strict=True))
    counts = a.agreed((*x.shape[:kept], *sizes))[kept:]
    kind, mode = a.text("interpolation_mode", "LINEAR"), a.text("sampling_mode", "DEFAULT")
    if kind == "LINEAR" and x.dtype.kind == "f":
        return _interpolated(x, mode, counts)
    if kind == "NEAREST_NEIGHBOR" and mode == "DEFAULT":
        return _nearest(x, counts)
    raise ValueError(f"how {kind} rounds {x.dtype} in mode {mode} is not documented")


def crop(a: Arguments) -> Array:
    """Cut away what `crop_height` and `crop_width` say, before and behind."""
    x = a["x"]
    top, bottom = a.ints("crop_height")
    left, right = a.ints("crop_width")
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


OPERATIONS: dict[str, Implementation] = {
    "affine": affine,
    "crop": crop,
    "crop_resize": crop_resize,
    "resample": resample,
    "resize": resize,
    "resize_bilinear": resize_bilinear,
    "resize_nearest_neighbor": resize_nearest_neighbor,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}
