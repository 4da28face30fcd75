"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a matrix (linear, cubic).

Where one of PyTorch's interpolations makes the same choice or matrix it is used; else elements are picked, or
multiplied by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.interpolation import Axis, is_between, repeats
from ...lowering.refused import Refused
from ...lowering.resizing import outside_of, resized_axes
from ..builder import Array, Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

_IMAGE_AXES: Final = 2
"""Spatial axes of what PyTorch interpolates linearly here."""


def resize(call: Call[Node], b: Builder) -> Node:
    """Resize by scales or to sizes, along any axes."""
    lines, rank = resized_axes(call), call.rank()
    if not lines:
        return call[0]
    if call.text("mode", "nearest") == "nearest":
        y = _chosen(b, call[0], rank, lines)
    elif call.dtype().is_floating_point():
        y = _multiplied(call, b, {axis: line.matrix() for axis, line in lines.items()})
    else:
        raise Refused(f"mode {call.text('mode', '')} of integers")
    return _extrapolated(call, b, y, lines)


def _chosen(b: Builder, x: Node, rank: int, lines: Mapping[int, Axis]) -> Node:
    picks = {axis: line.picks() for axis, line in lines.items()}
    repeats = {axis: _repeats(pick, lines[axis].before) for axis, pick in picks.items()}
    if rank == 2 + _IMAGE_AXES and set(picks) <= {2, 3} and all(repeats.values()):
        return b.call(functional.interpolate, x, scale_factor=[float(repeats.get(axis, 1)) for axis in (2, 3)])
    for axis, pick in picks.items():
        x = b.call(torch.index_select, x, axis, b.const(pick, torch.int64))
    return x


def _repeats(pick: Array, size: int) -> int:
    """Give how many times each element of an axis is repeated, 0 when they are chosen otherwise.

    PyTorch counts in float32: floor(place · (1 / times)).
    """
    times = repeats(pick, size)
    if not times:
        return 0
    own = np.floor(np.arange(len(pick), dtype=np.float32) * np.float32(1 / times))
    return times if np.array_equal(pick, own) else 0


def _multiplied(call: Call[Node], b: Builder, matrices: Mapping[int, Array]) -> Node:
    x, rank, dtype = call[0], call.rank(), TORCH_DTYPES[call.dtype()]
    if rank == 2 + _IMAGE_AXES and set(matrices) <= {2, 3}:
        sizes = [len(matrices[axis]) if axis in matrices else call.known_sizes()[axis] for axis in (2, 3)]
        if None in sizes:
            raise Refused("it resizes an axis whose size is known only at run time")
        for aligned in (False, True):
            if all(_is_linear(matrix, aligned) for matrix in matrices.values()):
                return b.call(functional.interpolate, x, size=sizes, mode="bilinear", align_corners=aligned)
    for axis, matrix in matrices.items():
        x = b.call(along, x, b.const(matrix, dtype), axis - rank)
    return x


def along(x: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Multiply the elements along an axis, counted from behind, by a matrix [after, before]."""
    if axis == -2:
        return torch.matmul(matrix, x)
    return torch.matmul(x.movedim(axis, -1), matrix.t()).movedim(-1, axis)


def _is_linear(matrix: Array, aligned: bool) -> bool:
    """Whether PyTorch's linear interpolation makes the matrix. Source: `area_pixel_compute_source_index` of ATen."""
    after, before = matrix.shape
    x = np.arange(after, dtype=np.float64)
    places = x * (before - 1) / max(after - 1, 1) if aligned else np.maximum((x + 0.5) * (before / after) - 0.5, 0)
    return is_between(matrix, places)


def _extrapolated(call: Call[Node], b: Builder, y: Node, lines: Mapping[int, Axis]) -> Node:
    """Put the extrapolation value where `tf_crop_and_resize` reads outside."""
    outside = outside_of(lines, call.rank())
    if outside is None:
        return y
    return b.call(torch.masked_fill, y, b.const(outside, torch.bool), call.real("extrapolation_value", 0.0))


LOWERINGS: dict[str, Lowering] = {"Resize": resize, "Upsample": resize}
