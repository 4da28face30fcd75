"""Convolutions: Relax's own over NCHW, so that layouts and schedules are decided behind; the bias is an addition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import Windows, cropping_of, windows_of
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .integers import without_zero, working_dtype
from .pieces import by_channel, cast, plus, reshaped, sizes_of, transposed, widened

_BY_AXES = {1: "conv1d", 2: "conv2d", 3: "conv3d"}


def conv(call: Call[Expr], b: Builder) -> Expr:
    """Conv over one to three axes."""
    x, weight = widened(b, call[0]), widened(b, call[1])
    windows = windows_of(call, sizes_of(weight)[2:])
    y = convolved(b, x, weight, windows, call.integer("group", 1))
    if call.has(2):
        y = plus(b, y, by_channel(b, widened(b, call[2]), call.rank()))
    return cast(b, y, dtype_of(call[0]))


def convolved(b: Builder, x: Expr, weight: Expr, windows: Windows, groups: int) -> Expr:
    """Convolve x [N, C, spatial…] with a weight [O, C / groups, kernel…], both of one dtype, also of integers."""
    check_groups(sizes_of(x)[1], sizes_of(weight), groups)
    _ = windows.output  # refuses windows that do not fit
    return b.op(
        getattr(relax().op.nn, _BY_AXES[len(windows.kernel)]),
        x,
        weight,
        strides=windows.stride,
        padding=[*windows.before, *windows.ends],
        dilation=windows.dilation,
        groups=groups,
    )


def check_groups(channels: int, weight: Sequence[int], groups: int) -> None:
    """Check that a weight [O, C / groups, …] is one of so many groups of channels.

    Raises:
        Refused: when it is not.
    """
    if weight[1] * groups != channels or weight[0] % groups:
        raise Refused(f"{channels} channels in {groups} groups with a weight {list(weight)}")


def conv_transpose(call: Call[Expr], b: Builder) -> Expr:
    """ConvTranspose: a convolution with the turned kernel over x, with zeros between its elements and around them."""
    x, groups = widened(b, call[0]), call.integer("group", 1)
    inner, _, *kernel = call.shape(1)
    if inner != sizes_of(x)[1] or inner % groups:
        raise Refused(f"{sizes_of(x)[1]} channels in {groups} groups with a weight {list(call.shape(1))}")
    rank, cropping = len(kernel), cropping_of(call, kernel)
    stride, dilation = (call.ints(name) or [1] * rank for name in ("strides", "dilations"))
    reach = [(width - 1) * step + 1 for width, step in zip(kernel, dilation, strict=True)]
    around = [(width - 1 - before, width - 1 - end) for width, (before, end) in zip(reach, cropping, strict=True)]
    spread = _spread(b, x, stride, around)
    windows = Windows(
        size=sizes_of(spread)[2:],
        kernel=tuple(kernel),
        stride=(1,) * rank,
        dilation=tuple(dilation),
        before=(0,) * rank,
        after=(0,) * rank,
        ceil=False,
    )
    y = convolved(b, spread, _turned(call, b, groups), windows, groups)
    if call.has(2):
        y = plus(b, y, by_channel(b, widened(b, call[2]), call.rank()))
    return cast(b, y, dtype_of(call[0]))


def _spread(b: Builder, x: Expr, stride: Sequence[int], around: Sequence[tuple[int, int]]) -> Expr:
    """Put stride − 1 zeros between the elements of x [N, C, spatial…], and zeros around; what is negative cuts."""
    batch, channels, *spatial = sizes_of(x)
    sizes = [
        (size - 1) * step + 1 + before + end for size, step, (before, end) in zip(spatial, stride, around, strict=True)
    ]
    if min(sizes) < 1:
        raise Refused("its padding takes away all that its windows give")

    def element(at: tuple[Any, ...], data: Any) -> Any:
        places = [place - before for place, (before, _) in zip(at[2:], around, strict=True)]
        held = [
            condition
            for place, size, step in zip(places, spatial, stride, strict=True)
            for condition in (place >= 0, place <= (size - 1) * step, place % step == 0)
        ]
        own = data(*at[:2], *(place // step for place, step in zip(places, stride, strict=True)))
        return tirx().if_then_else(tirx().all(*held), own, tirx().const(0, data.dtype))

    return b.each("spread", (batch, channels, *sizes), element, x)


def _turned(call: Call[Expr], b: Builder, groups: int) -> Expr:
    """Give the weight [C, O / groups, kernel…] as that of a convolution, [O, C / groups, kernel…], turned around."""
    inner, outer, *kernel = call.shape(1)
    apart, whole = (groups, inner // groups, outer, *kernel), (groups * outer, inner // groups, *kernel)
    order, axes = (0, 2, 1, *range(3, 3 + len(kernel))), range(2, 2 + len(kernel))
    if call.is_constant(1):
        array = call.constant(1, "weight").reshape(apart).transpose(order).reshape(whole)
        return widened(b, b.const(np.flip(array, tuple(axes))))
    weight = reshaped(b, transposed(b, reshaped(b, widened(b, call[1]), apart), order), whole)
    for axis in axes:
        weight = b.op(relax().op.flip, weight, axis)
    return weight


def conv_integer(call: Call[Expr], b: Builder) -> Expr:
    """ConvInteger, in int32 as ONNX has it."""
    return integer_convolution(call, b, (0, 1), (2, 3))


def integer_convolution(call: Call[Expr], b: Builder, values: tuple[int, int], zeros: tuple[int, int]) -> Expr:
    """Convolve two integer inputs, each minus its zero point: one for all, or one for each filter; gives int32."""
    rank = call.rank(values[1])
    filters = (-1, *[1] * (rank - 1))
    dtype = working_dtype(call, values, zeros, filters, tuple(range(1, rank)))
    x = without_zero(call, b, values[0], zeros[0], (1,), dtype)
    weight = without_zero(call, b, values[1], zeros[1], filters, dtype)
    y = convolved(b, x, weight, windows_of(call, sizes_of(weight)[2:]), call.integer("group", 1))
    return cast(b, y, "int32")


LOWERINGS: dict[str, Lowering] = {"Conv": conv, "ConvInteger": conv_integer, "ConvTranspose": conv_transpose}
