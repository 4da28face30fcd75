"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a matrix (linear, cubic).

Where one of MIL's operations is documented to make the same choice or matrix it is used; else `gather` picks, and
`matmul` multiplies by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....compiler.lowering.interpolation import Axis, is_between, repeats
from ....compiler.lowering.refused import Refused
from ....compiler.lowering.resizing import axis_of, lines_of, outside_of
from ..builder import Array, Builder, Var
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import is_float, like, moved


def resize(call: Call, b: Builder) -> Var:
    """Resize by scales or to sizes, along any axes."""
    axes, x = lines_of(call), call[0]
    made = _open(call, b, x, axes)
    if made is not None:
        return made
    lines = {axis: line for axis, line in axes.items() if isinstance(line, Axis)}
    if len(lines) < len(axes):
        raise Refused("it resizes an axis whose size is known only at run time")
    if call.text("mode", "nearest") == "nearest":
        y = _chosen(b, x, {axis: line.picks() for axis, line in lines.items()})
    elif is_float(x):
        y = _multiplied(b, x, {axis: line.matrix() for axis, line in lines.items()})
    else:
        raise Refused(f"mode {call.text('mode', '')} of integers")
    return _extrapolated(call, b, y, lines)


def _chosen(b: Builder, x: Var, picks: Mapping[int, Array]) -> Var:
    rank = len(x.shape)
    if rank >= 3 and set(picks) <= {rank - 2, rank - 1} and is_float(x):
        factors = [repeats(picks[axis], x.shape[axis]) if axis in picks else 1 for axis in (rank - 2, rank - 1)]
        if all(factors):
            return _upsampled(b, x, factors)
    for axis, pick in picks.items():
        x = b.op("gather", x=x, indices=pick.astype(np.int32), axis=axis)
    return x


def _upsampled(b: Builder, x: Var, factors: list[int]) -> Var:
    """Repeat the elements of the last two axes."""
    height, width = factors
    return b.op("upsample_nearest_neighbor", x=x, scale_factor_height=height, scale_factor_width=width)


def _multiplied(b: Builder, x: Var, matrices: Mapping[int, Array]) -> Var:
    rank = len(x.shape)
    if rank >= 3 and matrices and set(matrices) <= {rank - 2, rank - 1}:
        mode = next((mode for mode in _SAMPLING if all(_is_sampled(mode, m) for m in matrices.values())), None)
        if mode is not None:
            height, width = (
                len(matrices[axis]) if axis in matrices else fixed(x.shape)[axis] for axis in (rank - 2, rank - 1)
            )
            sizes = {"target_size_height": height, "target_size_width": width}
            return b.op("resize_bilinear", x=x, **sizes, sampling_mode=mode)
    for axis, matrix in matrices.items():
        x = _along(b, x, axis, like(x, matrix))
    return x


def _along(b: Builder, x: Var, axis: int, matrix: Array) -> Var:
    """Multiply the elements along one axis by a matrix [after, before]."""
    rank = len(x.shape)
    if rank == 1:
        column = b.op("matmul", x=b.op("expand_dims", x=x, axes=[0]), y=b.const(np.ascontiguousarray(matrix.T)))
        return b.op("squeeze", x=column, axes=[0])
    if axis == rank - 2:
        return b.op("matmul", x=b.const(matrix), y=x)
    y = b.op("matmul", x=moved(b, x, axis, rank - 1), y=b.const(np.ascontiguousarray(matrix.T)))
    return moved(b, y, rank - 1, axis)


_SAMPLING = ("UNALIGN_CORNERS", "STRICT_ALIGN_CORNERS", "DEFAULT")
"""Sampling modes of `resize_bilinear` that ONNX has too."""


def _is_sampled(mode: str, matrix: Array) -> bool:
    """Whether a mode of `resize_bilinear` makes the matrix. Source: the operation's documentation."""
    after, before = matrix.shape
    if after == 1 and mode != "UNALIGN_CORNERS":
        return False  # the spacing of the others is a division by zero there
    last, x = before - 1, np.arange(after, dtype=np.float64)
    match mode:
        case "UNALIGN_CORNERS":
            places = (x + 0.5) * (before / after) - 0.5
        case "STRICT_ALIGN_CORNERS":
            places = x * last / (after - 1)
        case _:
            places = x * (before - before / after) / (after - 1)
    return is_between(matrix, places)


def _extrapolated(call: Call, b: Builder, y: Var, lines: Mapping[int, Axis]) -> Var:
    """Put the extrapolation value where `tf_crop_and_resize` reads outside."""
    outside = outside_of(lines, len(y.shape))
    if outside is None:
        return y
    return b.op("select", cond=b.const(outside), a=call.real("extrapolation_value", 0.0), b=y)


def _open(call: Call, b: Builder, x: Var, axes: Mapping[int, Axis | float]) -> Var | None:
    """Resize images whose size is known only at run time by whole factors; None when that is not what is asked for."""
    rank = call.rank()
    if all(isinstance(line, Axis) for line in axes.values()) or rank < 3 or not set(axes) <= {rank - 2, rank - 1}:
        return None
    lines = (axes.get(axis, 1.0) for axis in (rank - 2, rank - 1))
    scales = [line.scale if isinstance(line, Axis) else line for line in lines]
    factors = [int(scale) for scale in scales]
    if scales != factors or not is_float(x):
        return None
    samples = [axis_of(call, 3, 3 * factor, factor) for factor in factors]
    mode, coordinates = samples[0].mode, samples[0].coordinates
    aligned = coordinates == "align_corners"
    if mode == "linear" and (aligned or coordinates in _HALF_PIXEL) and not samples[0].exclude_outside:
        height, width = factors
        return b.op(
            "upsample_bilinear", x=x, scale_factor_height=height, scale_factor_width=width, align_corners=aligned
        )
    # every axis of some size is repeated as one of three elements is
    repeated = mode == "nearest" and coordinates in (*_HALF_PIXEL, "asymmetric")
    return _upsampled(b, x, factors) if repeated and all(repeats(line.picks(), 3) for line in samples) else None


_HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")
"""Coordinates that are the same for every whole factor, which gives one element only from one."""


LOWERINGS: dict[str, Lowering] = {"Resize": resize, "Upsample": resize}
