"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a matrix (linear, cubic).

Where TFLite's own operator makes the same choice or matrix it is used; else GATHER picks, FULLY_CONNECTED multiplies.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.interpolation import Axis
from ....compiler.lowering.refused import Refused
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
    axes = _axes(call)
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


def _axes(call: Call) -> dict[int, Axis]:
    """Read how each axis that changes is resized."""
    shape = shape_of(call[0])
    axes = [axis % len(shape) for axis in call.ints("axes") or range(len(shape))]
    scales = _floats(call, 2 if call.op == "Resize" and call.opset > 10 else 1)
    sizes = call.constant_ints(3, "sizes") if call.op == "Resize" and call.has(3) else None
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if sizes is not None and policy != "stretch":
        ratios = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        scales, sizes = [ratio] * len(axes), [int(np.floor(shape[axis] * ratio + 0.5)) for axis in axes]
    lines = {}
    for place, axis in enumerate(axes):
        scale = scales[place] if scales else None
        full = shape[axis]
        size = sizes[place] if sizes is not None else int(np.floor(full * (scale or 1.0)))
        if scale is None:
            scale = size / full
        if size < 1:
            raise Refused("it gives an empty tensor")
        if size != full or scale != 1.0:
            lines[axis] = _axis(call, full, size, scale)
    return lines


def _axis(call: Call, before: int, after: int, scale: float) -> Axis:
    old = call.op == "Upsample" or call.opset < 11
    coordinates = "asymmetric" if old else call.text("coordinate_transformation_mode", "half_pixel")
    if coordinates == "tf_crop_and_resize":
        raise Refused("coordinate mode tf_crop_and_resize")
    return Axis(
        before=before,
        after=after,
        scale=scale,
        mode=call.text("mode", "nearest"),
        coordinates=coordinates,
        rounding="floor" if old else call.text("nearest_mode", "round_prefer_floor"),
        cubic=call.real("cubic_coeff_a", -0.75),
        exclude_outside=bool(call.integer("exclude_outside", 0)),
        antialias=bool(call.integer("antialias", 0)),
    )


def _floats(call: Call, index: int) -> list[float]:
    return [float(number) for number in call.constant(index, "scales").ravel()] if call.has(index) else []


LOWERINGS: dict[str, Lowering] = {"Resize": lower_resize, "Upsample": lower_resize}
