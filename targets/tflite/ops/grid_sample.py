"""GridSample, DeformConv and RoiAlign: operators that read between the elements, at points known at run time."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import shape_of
from .linear import fully_connected
from .lowering import Lowering
from .sampling import Tap, clamp, cubic, inside, joined, linear, nearest, or_zero

_CURVES = {"nearest": nearest, "linear": linear, "bilinear": linear, "cubic": cubic, "bicubic": cubic}


def lower_grid_sample(call: Call, b: Builder) -> ir.Value:
    """Read x [N, C, spatial…] at the points of a grid [N, out…, axes], given from −1 to 1, the last axis first."""
    x, grid = b.channels_last(call[0]), call[1]
    batch, *out, _ = shape_of(grid)
    axes = []
    for axis, size in enumerate(shape_of(x)[1:-1]):
        points = _column(b, grid, len(out) - 1 - axis)
        scale, shift = (
            ((size - 1) / 2, (size - 1) / 2) if call.integer("align_corners", 0) else (size / 2, (size - 1) / 2)
        )
        points = b.binary("ADD", b.binary("MUL", points, b.full(scale, points)), b.full(shift, points))
        axes.append(_taps(call, b, points, size))
    return b.channels_first(b.reshape(joined(b, x, axes), (batch, *out, shape_of(x)[-1])))


def _column(b: Builder, grid: ir.Value, column: int) -> ir.Value:
    """Give one number of every point, float[N, P]."""
    batch, *out, width = shape_of(grid)
    flat = b.reshape(grid, (batch, math.prod(out), width))
    cut = b.slice(flat, [0, 0, column], [batch, math.prod(out), column + 1])
    return b.reshape(cut, (batch, math.prod(out)))


def _taps(call: Call, b: Builder, points: ir.Value, size: int) -> list[Tap]:
    """Take the taps of points; outside is nothing, the border, or what points and taps reflect to."""
    mode, padding = call.text("mode", "linear"), call.text("padding_mode", "zeros")
    if mode not in _CURVES:
        raise Refused(f"mode {mode!r}")
    low, high = (0.0, size - 1.0) if call.integer("align_corners", 0) else (-0.5, size - 0.5)
    points = b.unary("ROUND", points) if mode == "nearest" else points
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


def _reflected(b: Builder, x: ir.Value, low: float, high: float) -> ir.Value:
    """Reflect at both ends until inside: a triangle of the distance from `low`."""
    span = high - low
    if span == 0:
        return clamp(b, x, low, high)
    distance = b.unary("ABS", b.binary("SUB", x, b.full(low, x)))
    there = b.binary("FLOOR_MOD", distance, b.full(2 * span, x))
    return b.binary("ADD", b.binary("MINIMUM", there, b.binary("SUB", b.full(2 * span, x), there)), b.full(low, x))


def lower_roi_align(call: Call, b: Builder) -> ir.Value:
    """Average, or take the largest of, points on a regular raster in every bin of every region."""
    x, regions = b.channels_last(call[0]), call[1]
    _, *spatial, channels = shape_of(x)
    count, ratio = shape_of(regions)[0], call.integer("sampling_ratio", 0)
    if ratio < 1:
        raise Refused("how many points it takes in a region depends on the region (sampling_ratio = 0)")
    pooled = [call.integer("output_height", 1), call.integer("output_width", 1)]
    half = call.opset >= 16 and call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    rows, columns = (_points(call, b, axis, bins, ratio, half) for axis, bins in ((1, pooled[0]), (0, pooled[1])))
    full = (count, pooled[0] * ratio, pooled[1] * ratio)
    zeros = np.zeros(full, np.float32)
    coordinates = [
        b.reshape(b.binary("ADD", b.reshape(line, shape), zeros), (count, full[1] * full[2]))
        for line, shape in ((rows, (count, full[1], 1)), (columns, (count, 1, full[2])))
    ]
    down, across = (inside(b, c, -1.0, float(size)) for c, size in zip(coordinates, spatial, strict=True))
    near = b.binary("LOGICAL_AND", down, across)
    axes = [linear(b, clamp(b, c, 0, size - 1)) for c, size in zip(coordinates, spatial, strict=True)]
    # Far outside nothing is read: what one axis weighs is what both weigh.
    axes[0] = [
        Tap(index=tap.index, weight=b.select(near, tap.weight, np.zeros((), np.float32)))
        for tap in axes[0]
        if tap.weight
    ]
    first = b.binary("MUL", b.cast(call[2], ir.DataType.INT32), np.array(math.prod(spatial), np.int32))
    most = call.text("mode", "avg") == "max"
    read = joined(b, x, axes, b.reshape(first, (count, 1)), "MAXIMUM" if most else "ADD")
    raster = b.reshape(read, (count, pooled[0], ratio, pooled[1], ratio, channels))
    return b.channels_first(b.reduce("REDUCE_MAX" if most else "MEAN", raster, [2, 4], keep=False))


def _points(call: Call, b: Builder, axis: int, bins: int, ratio: int, half: bool) -> ir.Value:
    """Give the raster of every region along one axis, float[regions, bins · ratio]."""
    regions = call[1]
    count, scale = shape_of(regions)[0], call.real("spatial_scale", 1.0)
    offset = 0.5 if half else 0.0
    start, end = (
        b.binary("SUB", b.binary("MUL", part, b.full(scale, part)), b.full(offset, part))
        for part in (b.slice(regions, [0, column], [count, column + 1]) for column in (axis, axis + 2))
    )
    length = b.binary("SUB", end, start)
    length = length if half else b.binary("MAXIMUM", length, b.full(1, length))
    raster = (np.arange(bins * ratio, dtype=np.float64) + 0.5) / (bins * ratio)
    return b.binary("ADD", start, b.binary("MUL", length, raster.astype(np.float32)))


def lower_deform_conv(call: Call, b: Builder) -> ir.Value:
    """Read x at every tap of every window, moved by its offset, and multiply by the weights."""
    x, weight, offset = b.channels_last(call[0]), call[1], call[2]
    if call.rank() != 4:
        raise Refused(f"{call.rank() - 2} spatial axes")
    batch, *spatial, channels = shape_of(x)
    out_channels, group_channels, *kernel = shape_of(weight)
    out = shape_of(offset)[2:]
    parts, groups = call.integer("offset_group", 1), call.integer("group", 1)
    taps, places = math.prod(kernel), math.prod(out)
    moved = b.reshape(offset, (batch, parts, taps, 2, places))
    masks = b.reshape(call[4], (batch, parts, taps, places)) if call.has(4) else None
    grids = _windows(call, kernel, out)
    read = []
    for part in range(parts):
        each = channels // parts
        source = b.slice(x, [0, 0, 0, part * each], [batch, *spatial, (part + 1) * each])
        axes = []
        for axis, size in enumerate(spatial):
            shift = b.slice(moved, [0, part, 0, axis, 0], [batch, part + 1, taps, axis + 1, places])
            points = b.binary("ADD", b.reshape(shift, (batch, taps * places)), grids[axis])
            axes.append([or_zero(b, tap, size) for tap in linear(b, points)])
        values = joined(b, source, axes)
        if masks is not None:
            mask = b.slice(masks, [0, part, 0, 0], [batch, part + 1, taps, places])
            values = b.binary("MUL", values, b.reshape(mask, (batch, taps * places, 1)))
        read.append(b.reshape(values, (batch, taps, places, each)))
    samples = b.transpose(b.concat(read, 3), (0, 2, 1, 3))
    results = []
    for group in range(groups):
        own = b.slice(samples, [0, 0, 0, group * group_channels], [batch, places, taps, (group + 1) * group_channels])
        units = out_channels // groups
        filters = b.slice(weight, [group * units, 0, 0, 0], [(group + 1) * units, group_channels, *kernel])
        matrix = b.reshape(b.transpose(filters, (0, 2, 3, 1)), (units, taps * group_channels))
        results.append(fully_connected(b, b.reshape(own, (batch, places, taps * group_channels)), matrix, None))
    y = b.concat(results, 2)
    y = b.binary("ADD", y, call[3]) if call.has(3) else y
    return b.channels_first(b.reshape(y, (batch, *out, out_channels)))


def _windows(call: Call, kernel: list[int], out: tuple[int, ...]) -> list[np.ndarray]:
    """Give where every tap of every window would lie without an offset, float[taps · places] along each axis."""
    stride, dilation = call.ints("strides") or [1, 1], call.ints("dilations") or [1, 1]
    pads = call.ints("pads") or [0] * 4
    taps = np.indices(kernel).reshape(2, -1, 1)
    places = np.indices(out).reshape(2, 1, -1)
    return [
        (places[axis] * stride[axis] - pads[axis] + taps[axis] * dilation[axis]).ravel().astype(np.float32)
        for axis in range(2)
    ]


LOWERINGS: dict[str, Lowering] = {
    "DeformConv": lower_deform_conv,
    "GridSample": lower_grid_sample,
    "RoiAlign": lower_roi_align,
}
