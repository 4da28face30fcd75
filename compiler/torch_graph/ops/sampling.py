"""GridSample, DeformConv and RoiAlign: operators that read between the elements, at points known at run time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder
from ..lowering import Lowering
from .taps import Tap, cubic, linear, nearest, or_zero, read, reflected

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

_MODES: Final = {
    "nearest": "nearest",
    "linear": "bilinear",
    "bilinear": "bilinear",
    "cubic": "bicubic",
    "bicubic": "bicubic",
}
"""Mode of GridSample, by its newer and older names → PyTorch's."""

_CURVES: Final = {"nearest": nearest, "bilinear": linear, "bicubic": cubic}


def grid_sample(call: Call[Node], b: Builder) -> Node:
    """Read x [N, C, spatial…] at the points of a grid [N, out…, axes], given from −1 to 1, the last axis first."""
    mode, padding = call.text("mode", "linear"), call.text("padding_mode", "zeros")
    if mode not in _MODES or padding not in ("zeros", "border", "reflection"):
        raise Refused(f"mode {mode!r} with padding mode {padding!r}")
    align = bool(call.integer("align_corners", 0))
    if call.rank() == 4 or (call.rank() == 5 and _MODES[mode] != "bicubic"):
        return b.call(functional.grid_sample, call[0], call[1], _MODES[mode], padding, align)
    return b.call(sampled, call[0], call[1], _MODES[mode], padding, align)


def sampled(x: Tensor, grid: Tensor, mode: str, padding: str, align: bool) -> Tensor:
    """Read x at the points of a grid, along any number of axes."""
    spatial, points = x.shape[2:], grid.flatten(1, -2)
    axes = []
    for axis, size in enumerate(spatial):
        line = points[..., len(spatial) - 1 - axis] * ((size - 1) / 2 if align else size / 2) + (size - 1) / 2
        axes.append(_taps(line, size, mode, padding, align))
    return read(x, axes).reshape(*x.shape[:2], *grid.shape[1:-1])


def _taps(points: Tensor, size: int, mode: str, padding: str, align: bool) -> list[Tap]:
    """Take the taps of points; outside is nothing, the border, or what points and taps reflect to."""
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    points, curve = torch.round(points) if mode == "nearest" else points, _CURVES[mode]
    if padding == "zeros":
        return [or_zero(tap, size) for tap in curve(points)]
    if padding == "border":
        return curve(points)  # every tap is brought to the border when it is read
    return [Tap(reflected(tap.index, low, high), tap.weight) for tap in curve(reflected(points, low, high))]


def roi_align(call: Call[Node], b: Builder) -> Node:
    """Average, or take the largest of, points on a regular raster in every bin of every region."""
    ratio = call.integer("sampling_ratio", 0)
    if ratio < 1:
        raise Refused("how many points it takes in a region depends on the region (sampling_ratio = 0)")
    half = call.opset >= 16 and call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    bins = (call.integer("output_height", 1), call.integer("output_width", 1))
    scale, most = call.real("spatial_scale", 1.0), call.text("mode", "avg") == "max"
    return b.call(regions_of, call[0], call[1], call[2], bins, ratio, scale, half, most)


def regions_of(
    x: Tensor,
    regions: Tensor,
    batch: Tensor,
    bins: Sequence[int],
    ratio: int,
    scale: float,
    half: bool,
    most: bool,
) -> Tensor:
    """Read x [N, C, H, W] in regions [R, 4] of the images `batch` [R], to [R, C, bins…].

    `half`: the middle of an element lies at ½, and regions may be smaller than one; `most`: the largest of a bin.
    """
    offset = 0.5 if half else 0.0
    rasters = []
    for column, count in ((1, bins[0]), (0, bins[1])):
        start, end = (regions[:, place] * scale - offset for place in (column, column + 2))
        length = end - start if half else (end - start).clamp(min=1.0)
        shares = (torch.arange(count * ratio, dtype=x.dtype, device=x.device) + 0.5) / (count * ratio)
        rasters.append(start.unsqueeze(1) + length.unsqueeze(1) * shares)
    down, across = rasters
    full = (down.shape[0], down.shape[1], across.shape[1])
    axes = []
    for line, size in ((down.unsqueeze(2), x.shape[2]), (across.unsqueeze(1), x.shape[3])):
        points = line.expand(full).flatten(1)
        near = (points >= -1) & (points <= size)
        axes.append([Tap(tap.index, tap.weight * near) for tap in linear(points.clamp(0, size - 1))])
    values = read(x.index_select(0, batch), axes, most)
    values = values.reshape(full[0], x.shape[1], bins[0], ratio, bins[1], ratio)
    return values.amax((3, 5)) if most else values.mean((3, 5))


def deform_conv(call: Call[Node], b: Builder) -> Node:
    """Read x at every tap of every window, moved by its offset, and multiply by the weights."""
    if call.rank() != 4:
        raise Refused(f"{call.rank() - 2} spatial axes")
    stride, dilation = (tuple(call.ints(name) or (1, 1)) for name in ("strides", "dilations"))
    pads, groups = (call.ints("pads") or [0] * 4)[:2], call.integer("group", 1)
    read_by = (stride, dilation, tuple(pads), groups, call.integer("offset_group", 1))
    return b.call(deformed, call[0], call[1], call[2], call.get(3), call.get(4), *read_by)


def deformed(
    x: Tensor,
    weight: Tensor,
    offset: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    stride: Sequence[int],
    dilation: Sequence[int],
    pads: Sequence[int],
    groups: int,
    parts: int,
) -> Tensor:
    """Convolve x [N, C, H, W] with weight [M, C / groups, h, w].

    `offset` [N, parts · h · w · 2, out…] moves the taps of every window, `mask` [N, parts · h · w, out…] weighs them.
    """
    batch, channels = x.shape[:2]
    kernel, out = weight.shape[2:], offset.shape[2:]
    taps, places = math.prod(kernel), math.prod(out)
    shifts = offset.reshape(batch * parts, taps, 2, places)
    axes = []
    for axis in range(2):
        place = torch.arange(out[axis], device=x.device) * stride[axis] - pads[axis]
        tap = torch.arange(kernel[axis], device=x.device) * dilation[axis]
        lines = tap.reshape(-1, 1, 1, 1) + place.reshape(-1, 1) if axis == 0 else tap.reshape(-1, 1, 1) + place
        grid = lines.expand(*kernel, *out).reshape(taps, places)
        points = (shifts[:, :, axis] + grid.to(x.dtype)).flatten(1)
        axes.append([or_zero(tap, x.shape[2 + axis]) for tap in linear(points)])
    values = read(x.reshape(batch * parts, channels // parts, *x.shape[2:]), axes)
    if mask is not None:
        values = values * mask.reshape(batch * parts, 1, taps * places)
    samples = values.reshape(batch, groups, channels // groups * taps, places)
    matrix = weight.reshape(groups, weight.shape[0] // groups, channels // groups * taps)
    y = torch.matmul(matrix, samples).reshape(batch, weight.shape[0], *out)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def affine_grid(call: Call[Node], b: Builder) -> Node:
    """Give the points of a regular grid, from −1 to 1 along every axis, moved by theta [N, axes, axes + 1]."""
    sizes = call.constant_ints(1, "size") or []
    align = bool(call.integer("align_corners", 0))
    if align and min(sizes[2:]) == 1:
        raise Refused("corners of an axis of one element")
    return b.call(functional.affine_grid, call[0], sizes, align)


LOWERINGS: dict[str, Lowering] = {
    "AffineGrid": affine_grid,
    "DeformConv": deform_conv,
    "GridSample": grid_sample,
    "RoiAlign": roi_align,
}
