"""AffineGrid, GridSample, DeformConv and RoiAlign: operators that read between the elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, te
from .extremes import joining, larger
from .pieces import by_channel, cast, number, plus, reshaped, sizes_of, transposed, widened
from .reading import Element, Tap, cubic, held, inside, linear, nearest, or_zero, parts, real

_CURVES = {"nearest": nearest, "linear": linear, "bilinear": linear, "cubic": cubic, "bicubic": cubic}


def grid_sample(call: Call[Expr], b: Builder) -> Expr:
    """Read x [N, C, spatial…] at the points of a grid [N, out…, axes], given from −1 to 1, the last axis first."""
    x, grid, mode = call[0], call[1], call.text("mode", "linear")
    padding, align = call.text("padding_mode", "zeros"), bool(call.integer("align_corners", 0))
    if mode not in _CURVES or padding not in ("zeros", "border", "reflection"):
        raise Refused(f"mode {mode!r} with padding {padding!r}")
    batch, channels, *spatial = call.shape()
    _, *out, width = call.shape(1)

    def element(at: tuple[Any, ...], data: Any, points: Any) -> Element:
        axes = []
        for axis, size in enumerate(spatial):
            point = points(at[0], *at[2:], width - 1 - axis).astype("float32")
            point = point * real((size - 1) / 2 if align else size / 2) + real((size - 1) / 2)
            axes.append(_taps(point, size, mode, padding, align))
        read = parts(lambda *places: data(at[0], at[1], *places), axes, spatial)
        return reduce(lambda one, other: one + other, read).astype(data.dtype)

    return b.each("grid_sample", (batch, channels, *out), element, x, grid)


def _taps(point: Element, size: int, mode: str, padding: str, align: bool) -> list[Tap]:
    """Take the taps of a point; outside is nothing, the border, or what point and taps reflect to."""
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    point = te().nearbyint(point) if mode == "nearest" else point
    if padding == "zeros":
        return [or_zero(tap, size) for tap in _CURVES[mode](point)]
    if padding == "border":
        return _CURVES[mode](point)  # every tap is brought to the border when it is read
    back = _reflected(point, low, high)
    return [Tap(place=_reflected(tap.place, low, high), weight=tap.weight) for tap in _CURVES[mode](back)]


def _reflected(x: Element, low: float, high: float) -> Element:
    """Reflect at both ends until inside: a triangle of the distance from `low`."""
    span = high - low
    if span == 0:
        return held(x, low, high)
    distance = te().abs(x - real(low))
    there = distance - te().floor(distance / real(2 * span)) * real(2 * span)
    return te().min(there, real(2 * span) - there) + real(low)


def roi_align(call: Call[Expr], b: Builder) -> Expr:
    """Average, or take the largest of, points on a regular raster in every bin of every region."""
    x, regions, samples = call[0], call[1], call[2]
    batch, channels, *spatial = call.shape()
    count, ratio = call.shape(1)[0], call.integer("sampling_ratio", 0)
    if ratio < 1:
        raise Refused("how many points it takes in a region depends on the region (sampling_ratio = 0)")
    bins = [call.integer("output_height", 1), call.integer("output_width", 1)]
    half = call.opset >= 16 and call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    scale, most = call.real("spatial_scale", 1.0), call.text("mode", "avg") == "max"
    steps = [te().reduce_axis((0, ratio), name=name) for name in ("row", "column")]

    def element(at: tuple[Any, ...], data: Any, region: Any, sample: Any) -> Element:
        axes = []
        for axis, size in enumerate(spatial):
            ends = [region(at[0], place).astype("float32") * real(scale) for place in (1 - axis, 3 - axis)]
            start, end = (bound - real(0.5) if half else bound for bound in ends)
            length = end - start if half else te().max(end - start, real(1))
            step = (at[2 + axis] * ratio + steps[axis]).astype("float32") + real(0.5)
            point = start + length * (step / real(bins[axis] * ratio))
            near = inside(point, -1, size)
            axes.append([Tap(place=tap.place, weight=near * tap.weight) for tap in linear(held(point, 0, size - 1))])
        own = te().max(te().min(sample(at[0]).astype("int64"), batch - 1), 0)
        read = parts(lambda *places: data(own, at[1], *places), axes, spatial)
        if most:
            return joining(largest=True)(reduce(larger, read), axis=steps)
        return te().sum(reduce(lambda one, other: one + other, read), axis=steps)

    y = b.each("roi_align", (count, channels, *bins), element, x, regions, samples)
    if not most:
        y = b.op(relax().op.divide, y, number(b, y, ratio * ratio))
    return cast(b, y, dtype_of(x))


def deform_conv(call: Call[Expr], b: Builder) -> Expr:
    """Read x at every tap of every window, moved by its offset, and multiply by the weights."""
    if call.rank() != 4:
        raise Refused(f"{call.rank() - 2} spatial axes")
    batch, channels, *spatial = call.shape()
    units, group_channels, *kernel = call.shape(1)
    out = call.shape(2)[2:]
    parts_, groups = call.integer("offset_group", 1), call.integer("group", 1)
    if group_channels * groups != channels or units % groups or channels % parts_:
        raise Refused(f"{channels} channels in {groups} groups and {parts_} offset groups")
    stride, dilation = (call.ints(name) or [1, 1] for name in ("strides", "dilations"))
    pads, count = call.ints("pads") or [0] * 4, math.prod(kernel)

    def sampled(at: tuple[Any, ...], data: Any, offset: Any, *mask: Any) -> Element:
        image, channel, tap, *place = at
        part = channel // (channels // parts_)
        axes = []
        for axis, size in enumerate(spatial):
            step = tap // kernel[1] if axis == 0 else tap % kernel[1]
            start = place[axis] * stride[axis] - pads[axis] + step * dilation[axis]
            shift = offset(image, (part * count + tap) * 2 + axis, *place).astype("float32")
            axes.append([or_zero(one, size) for one in linear(start.astype("float32") + shift)])
        value = reduce(lambda x, y: x + y, parts(lambda *places: data(image, channel, *places), axes, spatial))
        for line in mask:
            value = value * line(image, part * count + tap, *place).astype("float32")
        return value

    shape = (batch, channels, count, *out)
    given = (call[index] for index in (0, 2, 4) if call.has(index))
    samples = b.each("deform", shape, sampled, *given)
    y = _multiplied(b, samples, reshaped(b, widened(b, call[1]), (units, group_channels, count)), groups)
    if call.has(3):
        y = plus(b, y, by_channel(b, widened(b, call[3]), 4))
    return cast(b, y, dtype_of(call[0]))


def _multiplied(b: Builder, samples: Expr, weight: Expr, groups: int) -> Expr:
    """Multiply samples [N, C, taps, out…] by a weight [O, C / groups, taps]."""
    batch, _, count, *out = sizes_of(samples)
    units, inner, _ = sizes_of(weight)
    channel, tap = (te().reduce_axis((0, size), name=name) for size, name in ((inner, "channel"), (count, "tap")))

    def element(at: tuple[Any, ...], values: Any, factors: Any) -> Element:
        group = at[1] // (units // groups)
        value = values(at[0], group * inner + channel, tap, *at[2:])
        return te().sum(value * factors(at[1], channel, tap), axis=[channel, tap])

    return b.each("deformed_product", (batch, units, *out), element, samples, cast(b, weight, "float32"))


def affine_grid(call: Call[Expr], b: Builder) -> Expr:
    """Give the points of a regular grid, from −1 to 1 along every axis, moved by theta [N, axes, axes + 1]."""
    theta, sizes = widened(b, call[0]), call.constant_ints(1, "size") or []
    batch, spatial = sizes[0], sizes[2:]
    points = number(b, theta, _regular(spatial, bool(call.integer("align_corners", 0))))
    y = b.op(relax().op.matmul, points, transposed(b, theta, (0, 2, 1)))
    return cast(b, reshaped(b, y, (batch, *spatial, len(spatial))), dtype_of(call[0]))


def _regular(spatial: Sequence[int], corners: bool) -> Any:
    """Give the points of a grid, the last axis first, and 1: float64[points, axes + 1]."""
    if corners and min(spatial) == 1:
        raise Refused("corners of an axis of one element")
    lines = [np.linspace(-1, 1, size) if corners else (2 * np.arange(size) + 1) / size - 1 for size in spatial]
    columns = [line.ravel() for line in np.meshgrid(*lines, indexing="ij")][::-1]
    return np.stack([*columns, np.ones_like(columns[0])], 1)


LOWERINGS: dict[str, Lowering] = {
    "AffineGrid": affine_grid,
    "DeformConv": deform_conv,
    "GridSample": grid_sample,
    "RoiAlign": roi_align,
}
