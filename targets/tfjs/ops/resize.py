"""Images of another size. The dialect has an operator only where it does what the model asks; else it multiplies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..builder import Builder
from ..call import Call
from ..graph import Array, Tensor
from .lowering import Lowering


def resize_bilinear(call: Call, b: Builder) -> Tensor:
    """RESIZE_BILINEAR of x float[N, H, W, C]."""
    return _by_kernel(call, b, "ResizeBilinear")


def resize_nearest(call: Call, b: Builder) -> Tensor:
    """RESIZE_NEAREST_NEIGHBOR of x float[N, H, W, C].

    Backends compute coordinates in float32 or in float64; where that makes a difference, the elements are picked by
    their places as TFLite picks them.
    """
    x, align, half = call[0], bool(call.integer("align_corners", 0)), bool(call.integer("half_pixel_centers", 0))
    sizes = call.result_shape()[1:3]
    axes = [*zip(x.shape[1:3], sizes, strict=True)]
    picks = [_picks(*axis, align, half, np.dtype(np.float32)) for axis in axes]
    exact = [_picks(*axis, align, half, np.dtype(np.float64)) for axis in axes]
    if all(np.array_equal(*pair) for pair in zip(picks, exact, strict=True)):
        return _by_kernel(call, b, "ResizeNearestNeighbor")
    for axis, places in enumerate(picks, 1):
        shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
        x = b.op("GatherV2", [x, places.astype(np.int32), axis], shape, x.dtype, batch_dims=0)
    return x


def _by_kernel(call: Call, b: Builder, op: str) -> Tensor:
    x, shape = call[0], call.result_shape()
    return b.op(
        op,
        [x, np.array(shape[1:3], np.int32)],
        shape,
        x.dtype,
        align_corners=bool(call.integer("align_corners", 0)),
        half_pixel_centers=bool(call.integer("half_pixel_centers", 0)),
        T=x.dtype,
    )


def _picks(before: int, after: int, align: bool, half: bool, dtype: np.dtype[Any]) -> Array:
    """Give the element that each place of the result takes, computed in this dtype as the kernels do."""
    corners = align and after > 1
    sizes = np.array((before - 1, after - 1) if corners else (before, after), dtype)
    x = (np.arange(after, dtype=dtype) + dtype.type(0.5 if half else 0)) * (sizes[0] / sizes[1])
    return np.asarray(np.clip(np.floor(x + dtype.type(0.5)) if align else np.floor(x), 0, before - 1), np.int64)


LOWERINGS: dict[str, Lowering] = {
    "RESIZE_BILINEAR": resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest,
}
