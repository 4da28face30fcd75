"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a matrix (linear, cubic).

Where one of PyTorch's interpolations makes the same choice or matrix it is used; else elements are picked, or
multiplied by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.interpolation import Axis
from ...lowering.refused import Refused
from ..builder import Array, Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

CLOSE: Final = 2.0**-21
"""How far weights of an axis may be apart, for each of its elements, to be the same: four roundings of a place in
float32, in which both PyTorch and onnxruntime count."""

_IMAGE_AXES: Final = 2
"""Spatial axes of what PyTorch interpolates linearly here."""


def resize(call: Call[Node], b: Builder) -> Node:
    """Resize by scales or to sizes, along any axes."""
    lines, rank = axes_of(call), call.rank()
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
    times, rest = divmod(len(pick), size)
    if rest or not times or not np.array_equal(pick, np.repeat(np.arange(size), times)):
        return 0
    own = np.floor(np.arange(len(pick), dtype=np.float32) * np.float32(1 / times))
    return times if np.array_equal(pick, own) else 0


def _multiplied(call: Call[Node], b: Builder, matrices: Mapping[int, Array]) -> Node:
    x, rank, dtype = call[0], call.rank(), TORCH_DTYPES[call.dtype()]
    if rank == 2 + _IMAGE_AXES and set(matrices) <= {2, 3}:
        sizes = [len(matrices[axis]) if axis in matrices else _fixed(_sizes(call)[axis]) for axis in (2, 3)]
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
    low = np.minimum(np.floor(places).astype(np.int64), before - 1)
    own, rows, share = np.zeros((after, before)), np.arange(after), np.minimum(places - low, 1)
    np.add.at(own, (rows, low), 1 - share)
    np.add.at(own, (rows, np.minimum(low + 1, before - 1)), share)
    return bool(np.allclose(own, matrix, rtol=0, atol=CLOSE * before))


def _extrapolated(call: Call[Node], b: Builder, y: Node, lines: Mapping[int, Axis]) -> Node:
    """Put the extrapolation value where `tf_crop_and_resize` reads outside."""
    rank, masks = call.rank(), []
    for axis, line in lines.items():
        outside = line.outside()
        if outside.any():
            masks.append(outside.reshape([-1 if place == axis else 1 for place in range(rank)]))
    if not masks:
        return y
    mask = b.const(reduce(np.logical_or, masks), torch.bool)
    return b.call(torch.masked_fill, y, mask, call.real("extrapolation_value", 0.0))


def axes_of(call: Call[Node]) -> dict[int, Axis]:
    """Read how each axis that changes is resized.

    Raises:
        Refused: when it depends on what is known only at run time.
    """
    sizes_before = _sizes(call)
    axes = [axis % len(sizes_before) for axis in call.ints("axes") or range(len(sizes_before))]
    first_version = call.op == "Upsample" or call.opset < 11
    scales = _numbers(call, 1 if first_version else 2, "scales")
    sizes = None if first_version else call.constant_ints(3, "sizes")
    if not scales and sizes is None:
        raise Refused("it has neither scales nor sizes as inputs")
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if sizes is not None and policy != "stretch":
        ratios = [size / _fixed(sizes_before[axis]) for axis, size in zip(axes, sizes, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        scales = [ratio] * len(axes)
        sizes = [int(np.floor(_fixed(sizes_before[axis]) * ratio + 0.5)) for axis in axes]
    crops = call.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    regions = _numbers(call, 1, "region") if crops else []
    lines: dict[int, Axis] = {}
    for place, axis in enumerate(axes):
        region = (regions[place], regions[place + len(axes)]) if regions else (0.0, 1.0)
        full, scale = sizes_before[axis], scales[place] if scales else None
        if full is None and scale == 1.0 and region == (0.0, 1.0):
            continue
        before = _fixed(full)
        after = sizes[place] if sizes is not None else int(np.floor(before * (scale or 1.0)))
        if before < 1 or after < 1:
            raise Refused("it takes or gives an empty tensor")
        scale = after / before if scale is None else scale
        if after != before or scale != 1.0 or region != (0.0, 1.0):
            lines[axis] = _axis(call, before, after, scale, region)
    return lines


def _axis(call: Call[Node], before: int, after: int, scale: float, region: tuple[float, float]) -> Axis:
    old = call.op == "Upsample" or call.opset < 11
    return Axis(
        before=before,
        after=after,
        scale=scale,
        mode=call.text("mode", "nearest"),
        coordinates="asymmetric" if old else call.text("coordinate_transformation_mode", "half_pixel"),
        rounding="floor" if old else call.text("nearest_mode", "round_prefer_floor"),
        cubic=call.real("cubic_coeff_a", -0.75),
        exclude_outside=bool(call.integer("exclude_outside", 0)),
        antialias=bool(call.integer("antialias", 0)),
        region=region,
    )


def _sizes(call: Call[Node]) -> Sequence[int | None]:
    value = call.node.inputs[0]
    assert value is not None, call.node
    call.rank()  # refuses what has none
    return [size if isinstance(size, int) else None for size in value.shape or ()]


def _fixed(size: int | None) -> int:
    if size is None:
        raise Refused("it resizes an axis whose size is known only at run time")
    return size


def _numbers(call: Call[Node], index: int, what: str) -> list[float]:
    return [float(number) for number in call.constant(index, what).ravel()] if call.has(index) else []


LOWERINGS: dict[str, Lowering] = {"Resize": resize, "Upsample": resize}
