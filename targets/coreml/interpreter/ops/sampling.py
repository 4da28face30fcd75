"""Sampling of images at given places: `x: [B, C, H, W]`."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .grids import grid, interpolated
from .precision import narrowed, widened

ALIGNED = ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS")
ORDERS = ("CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST")
ROUNDING = 1e-6
"""In pixels: a sample on the border of the image must not leave it by the rounding of its coordinate."""


def resample(a: Arguments) -> Array:
    """Sample `x` at `coordinates: [B, H2, W2, 2]`, each a pair (width, height).

    Coordinates count pixels (`unnormalized`; `align_corners` says nothing then), or span the image. Outside of it
    `reflection` mirrors at the centres of the outermost pixels, `symmetric` at their edges. `nearest` rounds a tie to
    the even pixel: the documentation is silent, and PyTorch's `grid_sample`, which coremltools translates to this
    operation, does so.
    """
    x, coordinates = a["x"], a["coordinates"]
    mode, aligned = a.text("coordinates_mode"), a.flag("align_corners")
    across = _pixels(coordinates[..., 0].astype(np.float64), x.shape[3], mode, aligned)
    down = _pixels(coordinates[..., 1].astype(np.float64), x.shape[2], mode, aligned)
    return _sampled(a, across, down)


def affine(a: Arguments) -> Array:
    """Sample `x` where `transform_matrix: [B or 1, 6]` maps each place of the output, both spanning [-1, 1].

    Raises:
        ValueError: for what the documentation does not allow, and for an output of one pixel, of which it does not say
            which end of the image it is.
    """
    x = a["x"]
    height, width = a.agreed((*x.shape[:2], a.integer("output_height"), a.integer("output_width")))[2:]
    if not a.flag("align_corners") or a.text("coordinates_mode") != "normalized_minus_one_to_one":
        raise ValueError("align_corners and normalized_minus_one_to_one are required")
    if min(height, width) < 2:
        raise ValueError(f"an output of {height} by {width} is not documented")
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    matrix = np.broadcast_to(a["transform_matrix"].astype(np.float64), (x.shape[0], 6))[..., None, None]
    places_x = matrix[:, 0] * across + matrix[:, 1] * down + matrix[:, 2]
    places_y = matrix[:, 3] * across + matrix[:, 4] * down + matrix[:, 5]
    return _sampled(a, (places_x + 1) * ((x.shape[3] - 1) / 2), (places_y + 1) * ((x.shape[2] - 1) / 2))


def _pixels(places: Array, size: int, mode: str, aligned: bool) -> Array:
    """Give places in pixels; normalized ones span the centres of the outermost pixels if `aligned`, else the edges."""
    if mode == "unnormalized":
        return places
    if mode == "normalized_minus_one_to_one":
        places = (places + 1) / 2
    elif mode != "normalized_zero_to_one":
        raise ValueError(f"coordinates_mode {mode!r} is unknown")
    return places * (size - 1) if aligned else places * size - 0.5


def _sampled(a: Arguments, across: Array, down: Array) -> Array:
    """Sample at `across` and `down: [B, H2, W2]`, in pixels."""
    x, kind, padding = a["x"], a.text("sampling_mode"), a.text("padding_mode")
    if not (np.isfinite(across).all() and np.isfinite(down).all()):
        raise ValueError("a coordinate is no number, or infinite")
    across, down = _folded(across, x.shape[3], padding), _folded(down, x.shape[2], padding)
    value = a.real("padding_value", 0.0)
    wide = widened(x)
    if kind == "nearest":
        return narrowed(_taken(wide, np.rint(across), np.rint(down), value), x.dtype)
    if kind != "bilinear":
        raise ValueError(f"sampling_mode {kind!r} is unknown")
    left, top = np.floor(across), np.floor(down)
    right, low = (across - left)[:, None], (down - top)[:, None]
    y = _taken(wide, left, top, value) * ((1 - right) * (1 - low)).astype(wide.dtype)
    y += _taken(wide, left + 1, top, value) * (right * (1 - low)).astype(wide.dtype)
    y += _taken(wide, left, top + 1, value) * ((1 - right) * low).astype(wide.dtype)
    y += _taken(wide, left + 1, top + 1, value) * (right * low).astype(wide.dtype)
    return narrowed(y, x.dtype)


def _folded(places: Array, size: int, padding: str) -> Array:
    """Bring places back into the image as the padding mode says; `constant` keeps them, two pixels off at most."""
    if padding == "constant":
        return np.clip(places, -2, size + 1)
    if padding == "reflection":
        period = 2 * (size - 1)
        places = np.abs((places + size - 1) % period - (size - 1)) if period else np.zeros_like(places)
    elif padding == "symmetric":
        places = np.abs((places + 0.5 + size) % (2 * size) - size) - 0.5
    elif padding != "border":
        raise ValueError(f"padding_mode {padding!r} is unknown")
    return np.clip(places, 0, size - 1)


def _taken(x: Array, across: Array, down: Array, value: float) -> Array:
    """Take pixels at whole places `[B, H2, W2]`; outside of the image `value`. Gives `[B, C, H2, W2]`."""
    batch, channels, height, width = x.shape
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    flat = np.where(inside, down * width + across, 0).astype(np.int64).reshape(batch, 1, -1)
    pixels = np.take_along_axis(x.reshape(batch, channels, -1), flat, axis=2).reshape(
        batch, channels, *across.shape[1:]
    )
    return np.where(inside[:, None], pixels, x.dtype.type(value))


def crop_resize(a: Arguments) -> Array:
    """Cut boxes out of `x` and resize each to `target_height` by `target_width` by linear interpolation.

    iOS 15 and 16: `roi: [N, 1, 4 or 5, 1, 1]`, of which a fifth, first number is the index of the image; gives
    `[N, B or 1, C, height, width]`. iOS 17: `boxes: [N, 4]`, `box_indices: [N]`; gives `[N, C, height, width]`.
    A box spans the centres of its first and last pixel (given by its centre, half of its size to either side), and the
    samples lie in it as those of `resize_bilinear` in an image. A sample outside of the image is `pad_value`.

    Raises:
        ValueError: where iOS 15, which has no `pad_value`, samples outside of the image; for a box whose end lies
            before its beginning, in modes other than those that align corners, of which the documentation says nothing.
    """
    x = a["x"]
    sizes = a.integer("target_height", 1), a.integer("target_width", 1)
    if "boxes" in a:
        boxes = a["boxes"].astype(np.float64)
        a.agreed((len(boxes), x.shape[1], *sizes))
        indices = a.ints("box_indices", range(len(boxes)))
        crops = [_crop(a, x[index : index + 1], box) for index, box in zip(_within(a, indices), boxes, strict=True)]
        return narrowed(np.concatenate(crops), x.dtype)
    roi = a["roi"].astype(np.float64)
    roi = roi.reshape(roi.shape[0], -1)
    a.agreed((len(roi), x.shape[0] if roi.shape[1] == 4 else 1, x.shape[1], *sizes))
    if roi.shape[1] == 4:
        return narrowed(np.stack([_crop(a, x, box) for box in roi]), x.dtype)
    images = _within(a, [int(index) for index in roi[:, 0]])
    crops = [_crop(a, x[index : index + 1], box[1:]) for index, box in zip(images, roi, strict=True)]
    return narrowed(np.stack(crops), x.dtype)


def _within(a: Arguments, indices: tuple[int, ...] | list[int]) -> tuple[int, ...] | list[int]:
    if any(not 0 <= index < a["x"].shape[0] for index in indices):
        raise ValueError("a box is of an image that is not there")
    return indices


def _crop(a: Arguments, x: Array, box: Array) -> Array:
    """Cut one box out of every image of `x: [B, C, H, W]`."""
    order = a.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
    if order not in ORDERS:
        raise ValueError(f"box_coordinate_mode {order!r} is unknown")
    first, second = box[:2], box[2:]
    if order.startswith("CENTER"):
        first, second = first - second / 2, first + second / 2
    starts, ends = (first, second) if order.endswith("HEIGHT_FIRST") else (first[::-1], second[::-1])
    scale = a.real("spatial_scale", 1.0)
    counts = a.integer("target_height", 1), a.integer("target_width", 1)
    y, outside = widened(x), np.zeros((), np.bool_)
    for axis, start, end, count in zip((2, 3), starts, ends, counts, strict=True):
        size = x.shape[axis]
        unit = scale * (size - 1) if a.flag("normalized_coordinates", False) else scale
        places = _places(a, start * unit, end * unit, count)
        beyond = (places < -ROUNDING) | (places > size - 1 + ROUNDING)
        outside = outside | (beyond[:, None] if axis == 2 else beyond)
        y = interpolated(y, axis, np.clip(places, 0, size - 1))
    if outside.any() and a.opset == "CoreML5":
        raise ValueError("a box leaves the image, and iOS 15 has no pad_value")
    return np.where(outside, y.dtype.type(a.real("pad_value", 0.0)), y)


def _places(a: Arguments, start: float, end: float, count: int) -> Array:
    mode = a.text("sampling_mode", "DEFAULT")
    if end < start and mode not in ALIGNED:
        raise ValueError(f"a box ends before it begins, in mode {mode}")
    return start + grid(mode, end - start + 1, count)
