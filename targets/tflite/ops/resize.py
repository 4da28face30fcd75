"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a matrix (linear, cubic).

Where TFLite's own operator makes the same choice or matrix it is used; else GATHER picks, FULLY_CONNECTED multiplies.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ....compiler.lowering.resizing import resized_axes
from ..builder import Builder, Operand
from ..call import Call
from ..dialect import Array, dtype_of, shape_of
from .interpolation import kernel_matrix, kernel_picks
from .linear import fully_connected
from .lowering import Lowering
from .reduction import along_last

_FLAGS = ((False, False), (False, True), (True, False))
"""(align_corners, half_pixel_centers), as the kernels take them."""


def lower_resize(call: Call, b: Builder) -> ir.Value:
    """Resize by scales or to sizes, along any axes."""
    if call.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        raise Refused("coordinate mode tf_crop_and_resize")
    axes = resized_axes(call)
    if call.text("mode", "nearest") == "nearest":
        return _nearest(b, call[0], {axis: line.picks() for axis, line in axes.items()})
    return _multiplied(b, call[0], {axis: line.matrix() for axis, line in axes.items()})


def _nearest(b: Builder, x: ir.Value, picks: dict[int, Array]) -> ir.Value:
    if _fits_kernel(x, picks):
        for align, half in _FLAGS:
            known = {axis: kernel_picks(shape_of(x)[axis], len(pick), align, half) for axis, pick in picks.items()}
            if all(np.array_equal(known[axis], pick) for axis, pick in picks.items()):
                sizes = {axis: len(pick) for axis, pick in picks.items()}
                return _by_kernel(b, "RESIZE_NEAREST_NEIGHBOR", x, sizes, align, half)
    for axis, pick in picks.items():
        x = b.gather(x, pick.astype(np.int32), axis)
    return x


def _multiplied(b: Builder, x: ir.Value, matrices: dict[int, Array]) -> ir.Value:
    if _fits_kernel(x, matrices):
        for align, half in _FLAGS:
            known = {axis: kernel_matrix(m.shape[1], m.shape[0], align, half) for axis, m in matrices.items()}
            # The kernels compute the same weights in float32: equal to within its rounding.
            if all(np.allclose(known[axis], matrix, rtol=0, atol=1e-5) for axis, matrix in matrices.items()):
                sizes = {axis: len(matrix) for axis, matrix in matrices.items()}
                return _by_kernel(b, "RESIZE_BILINEAR", x, sizes, align, half)
    for axis, matrix in matrices.items():
        weight = b.value(matrix.astype(np.float32))
        x = along_last(x, axis, b, partial(_times, b, weight))
    return x


def _times(b: Builder, weight: ir.Value, x: ir.Value) -> ir.Value:
    return fully_connected(b, x, weight, None)


def _fits_kernel(x: ir.Value, axes: dict[int, Array]) -> bool:
    return len(shape_of(x)) == 4 and set(axes) <= {2, 3} and dtype_of(x) == ir.DataType.FLOAT


def _by_kernel(b: Builder, operator: str, x: ir.Value, sizes: dict[int, int], align: bool, half: bool) -> ir.Value:
    batch, channels, height, width = shape_of(x)
    size = (sizes.get(2, height), sizes.get(3, width))
    operands: list[Operand] = [b.channels_last(x), np.array(size, np.int32)]
    shape = (batch, *size, channels)
    y = b.op(operator, operands, shape, dtype_of(x), align_corners=align, half_pixel_centers=half)
    return b.channels_first(y)


LOWERINGS: dict[str, Lowering] = {"Resize": lower_resize, "Upsample": lower_resize}
