"""GridSample, DeformConv and RoiAlign: operators that read between the elements, at points known at run time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Array, Builder, Var
from ..call import Call
from .lowering import Lowering
from .pieces import concatenated, like, part, reshaped
from .taps import Tap, cubic, inside, joined, linear, nearest, or_zero

_CURVES = {"nearest": nearest, "linear": linear, "bilinear": linear, "cubic": cubic, "bicubic": cubic}

_NATIVE_PADDING = {"zeros": "constant", "border": "border"}
"""Paddings of `resample` that are ONNX's; its reflections are documented for whole places alone."""


def grid_sample(call: Call, b: Builder) -> Var:
    """Read x [N, C, spatial…] at the points of a grid [N, out…, axes], given from −1 to 1, the last axis first."""
    x, grid, mode = call[0], call[1], call.text("mode", "linear")
    padding, align = call.text("padding_mode", "zeros"), bool(call.integer("align_corners", 0))
    if mode not in _CURVES:
        raise Refused(f"mode {mode!r}")
    if call.rank() == 4 and _CURVES[mode] is linear and padding in _NATIVE_PADDING:
        return b.op(
            "resample",
            x=x,
            coordinates=b.cast(grid, "fp32"),
            sampling_mode="bilinear",
            padding_mode=_NATIVE_PADDING[padding],
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=align,
        )
    batch, *out, width = call.shape(1)
    spatial = call.shape()[2:]
    flat = reshaped(b, grid, (batch, math.prod(out), width))
    axes = []
    for axis, size in enumerate(spatial):
        column = len(spatial) - 1 - axis
        points = b.op("squeeze", x=part(b, flat, 2, column, column + 1), axes=[2])
        points = b.op("mul", x=points, y=(size - 1) / 2 if align else size / 2)
        points = b.op("add", x=points, y=(size - 1) / 2)
        axes.append(_taps(b, points, size, mode, padding, align))
    return _channels_first(b, joined(b, x, axes), out)


def _channels_first(b: Builder, y: Var, out: Sequence[int]) -> Var:
    """Give y [N, P, C] as [N, C, out…]."""
    y = b.op("transpose", x=y, perm=[0, 2, 1])
    return reshaped(b, y, (*y.shape[:2], *out))


def _taps(b: Builder, points: Var, size: int, mode: str, padding: str, align: bool) -> list[Tap]:
    """Take the taps of points; outside is nothing, the border, or what points and taps reflect to."""
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    points = b.op("round", x=points) if mode == "nearest" else points
    match padding:
        case "zeros":
            return [or_zero(b, tap, size) for tap in _CURVES[mode](b, points)]
        case "border":
            return _CURVES[mode](b, points)  # every tap is brought to the border when it is read
        case "reflection":
            back = _reflected(b, points, low, high)
            return [Tap(index=_reflected(b, tap.index, low, high), weight=tap.weight) for tap in _CURVES[mode](b, back)]
        case other:
            raise Refused(f"padding mode {other!r}")


def _reflected(b: Builder, x: Var, low: float, high: float) -> Var:
    """Reflect at both ends until inside: a triangle of the distance from `low`."""
    span = high - low
    if span == 0:
        return b.op("clip", x=x, alpha=low, beta=high)
    distance = b.op("abs", x=b.op("sub", x=x, y=low))
    there = b.op("mod", x=distance, y=2 * span)
    return b.op("add", x=b.op("minimum", x=there, y=b.op("sub", x=2 * span, y=there)), y=low)


def roi_align(call: Call, b: Builder) -> Var:
    """Average, or take the largest of, points on a regular raster in every bin of every region."""
    x, regions = call[0], call[1]
    spatial, count, ratio = call.shape()[2:], call.shape(1)[0], call.integer("sampling_ratio", 0)
    if ratio < 1:
        raise Refused("how many points it takes in a region depends on the region (sampling_ratio = 0)")
    bins = [call.integer("output_height", 1), call.integer("output_width", 1)]
    half = call.opset >= 16 and call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    full = (count, bins[0] * ratio, bins[1] * ratio)
    taps = []
    for column, size, each, axis in ((1, spatial[0], bins[0], 2), (0, spatial[1], bins[1], 1)):
        line = b.op("expand_dims", x=_raster(call, b, regions, column, each * ratio, half), axes=[axis])
        points = b.op("add", x=line, y=like(x, np.zeros((1, *full[1:]))))
        points = reshaped(b, points, (count, full[1] * full[2]))
        near = inside(b, points, -1.0, float(size))
        clipped = b.op("clip", x=points, alpha=0.0, beta=size - 1.0)
        taps.append([Tap(index=tap.index, weight=b.op("mul", x=tap.weight, y=near)) for tap in linear(b, clipped)])
    first = b.op("mul", x=call[2], y=math.prod(spatial))
    most = call.text("mode", "avg") == "max"
    read = joined(b, x, taps, b.op("expand_dims", x=first, axes=[1]), "maximum" if most else "add")
    channels = int(read.shape[-1])
    raster = reshaped(b, read, (count * bins[0], ratio, bins[1], ratio, channels))
    y = b.op("reduce_max" if most else "reduce_mean", x=raster, axes=[1, 3], keep_dims=False)
    return b.op("transpose", x=reshaped(b, y, (count, *bins, channels)), perm=[0, 3, 1, 2])


def _raster(call: Call, b: Builder, regions: Var, axis: int, points: int, half: bool) -> Var:
    """Give the raster of every region along one axis, float[regions, points]."""
    scale = call.real("spatial_scale", 1.0)
    ends = []
    for column in (axis, axis + 2):
        end = part(b, regions, 1, column, column + 1)
        end = end if scale == 1 else b.op("mul", x=end, y=scale)
        ends.append(b.op("sub", x=end, y=0.5) if half else end)
    length = b.op("sub", x=ends[1], y=ends[0])
    length = length if half else b.op("maximum", x=length, y=1.0)
    raster = like(regions, (np.arange(points) + 0.5) / points).reshape(1, points)
    return b.op("add", x=ends[0], y=b.op("mul", x=length, y=raster))


def deform_conv(call: Call, b: Builder) -> Var:
    """Read x at every tap of every window, moved by its offset, and multiply by the weights."""
    x, weight, offset = call[0], call[1], call[2]
    if call.rank() != 4:
        raise Refused(f"{call.rank() - 2} spatial axes")
    batch, channels, *spatial = call.shape()
    out_channels, group_channels, *kernel = call.shape(1)
    out = call.shape(2)[2:]
    parts, groups = call.integer("offset_group", 1), call.integer("group", 1)
    count, places, each = math.prod(kernel), math.prod(out), channels // parts
    shifts = reshaped(b, offset, (batch, parts, count, 2, places))
    masks = reshaped(b, call[4], (batch, parts, count * places)) if call.has(4) else None
    grids = _windows(call, kernel, out)
    read = []
    for own in range(parts):
        axes = []
        for axis, size in enumerate(spatial):
            shift = part(b, part(b, shifts, 1, own, own + 1), 3, axis, axis + 1)
            points = b.op("add", x=reshaped(b, shift, (batch, count * places)), y=like(x, grids[axis]))
            axes.append([or_zero(b, tap, size) for tap in linear(b, points)])
        values = joined(b, part(b, x, 1, own * each, (own + 1) * each), axes)
        if masks is not None:
            mask = b.op("squeeze", x=part(b, masks, 1, own, own + 1), axes=[1])
            values = b.op("mul", x=values, y=b.op("expand_dims", x=mask, axes=[2]))
        read.append(reshaped(b, values, (batch, count, places, each)))
    samples = b.op("transpose", x=concatenated(b, read, 3), perm=[0, 2, 1, 3])
    results, units = [], out_channels // groups
    for group in range(groups):
        own_samples = part(b, samples, 3, group * group_channels, (group + 1) * group_channels)
        filters = part(b, weight, 0, group * units, (group + 1) * units)
        matrix = reshaped(b, b.op("transpose", x=filters, perm=[0, 2, 3, 1]), (units, count * group_channels))
        flat = reshaped(b, own_samples, (batch, places, count * group_channels))
        results.append(b.op("matmul", x=matrix, y=flat, transpose_y=True))
    y = concatenated(b, results, 1)
    if call.has(3):
        y = b.op("add", x=y, y=b.op("expand_dims", x=call[3], axes=[1]))
    return reshaped(b, y, (batch, out_channels, *out))


def _windows(call: Call, kernel: Sequence[int], out: Sequence[int]) -> list[Array]:
    """Give where every tap of every window would lie without an offset, float[taps · places] along each axis."""
    stride, dilation = (call.ints(name) or [1, 1] for name in ("strides", "dilations"))
    pads = call.ints("pads") or [0] * 4
    taps, places = np.indices([*kernel]).reshape(2, -1, 1), np.indices([*out]).reshape(2, 1, -1)
    return [
        (places[axis] * stride[axis] - pads[axis] + taps[axis] * dilation[axis]).ravel().astype(np.float32)
        for axis in range(2)
    ]


def affine_grid(call: Call, b: Builder) -> Var:
    """Give the points of a regular grid, from −1 to 1 along every axis, moved by theta [N, axes, axes + 1]."""
    theta, sizes = call[0], call.constant_ints(1, "size") or []
    batch, spatial = sizes[0], sizes[2:]
    if call.integer("align_corners", 0):
        if min(spatial) == 1:
            raise Refused("corners of an axis of one element")
        lines = [np.linspace(-1, 1, size) for size in spatial]
    else:
        lines = [(2 * np.arange(size) + 1) / size - 1 for size in spatial]
    columns = [line.ravel() for line in np.meshgrid(*lines, indexing="ij")][::-1]
    points = np.stack([*columns, np.ones_like(columns[0])], 1)
    y = b.op("matmul", x=b.const(like(theta, points)), y=theta, transpose_y=True)
    return reshaped(b, y, (batch, *spatial, len(spatial)))


LOWERINGS: dict[str, Lowering] = {
    "AffineGrid": affine_grid,
    "DeformConv": deform_conv,
    "GridSample": grid_sample,
    "RoiAlign": roi_align,
}
