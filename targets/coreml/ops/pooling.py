"""Pooling.

Windows are placed by explicit padding, so that neither MIL's `ceil_mode` nor its `same` has to mean what ONNX does.
Only a number of windows that is rounded up, of a size known at run time, is left to `ceil_mode`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import Windows, unpooled_shape, windows_of
from ..builder import Builder, Var, type_name
from ..call import Call
from .convolution import padding
from .lowering import Lowering
from .pieces import is_float, like, padded, reshaped
from .tap_pooling import by_taps, largest_with_place

_GLOBAL = {"GlobalAveragePool": "reduce_mean", "GlobalMaxPool": "reduce_max"}


def global_pool(call: Call, b: Builder) -> Var:
    """GlobalAveragePool and GlobalMaxPool: a reduction of all spatial axes."""
    return b.op(_GLOBAL[call.op], x=call[0], axes=[*range(2, call.rank())], keep_dims=True)


def global_lp_pool(call: Call, b: Builder) -> Var:
    """GlobalLpPool: the p-norm of all spatial axes."""
    x, axes, power = call[0], [*range(2, call.rank())], call.integer("p", 2)
    return _root(b, b.op("reduce_sum", x=_powers(b, x, power), axes=axes, keep_dims=True), power)


def max_pool(call: Call, b: Builder) -> list[Var | None]:
    """MaxPool, and where each largest element stands when somebody asks."""
    windows = windows_of(call, call.ints("kernel_shape") or [])
    x, kind = call[0], type_name(call[0])
    if not is_float(x):  # 8 bits: exact in float32
        x = b.cast(x, "fp32")
    if call.wants(1):
        best, place = largest_with_place(call, b, x, windows)
        return [b.cast(best, kind), place]
    if max(windows.dilation) == 1:
        return [b.cast(_native(b, "max_pool", x, windows), kind)]
    x = padded(b, x, windows.pads, -math.inf)
    return [b.cast(by_taps(b, x, windows, lambda one, other: b.op("maximum", x=one, y=other)), kind)]


def average_pool(call: Call, b: Builder) -> Var:
    """AveragePool; padding counts or does not, and what reaches beyond the declared padding never does."""
    x, windows = call[0], windows_of(call, call.ints("kernel_shape") or [])
    with_padding = bool(call.integer("count_include_pad", 0))
    if max(windows.dilation) == 1 and not with_padding:
        return _native(b, "avg_pool", x, windows, exclude_padding_from_average=True)
    if max(windows.dilation) == 1:
        mean = _native(b, "avg_pool", x, windows, exclude_padding_from_average=False)
        if not windows.ceil:
            return mean
        shares = math.prod(windows.kernel) / windows.counts(with_padding)
        return mean if np.all(shares == 1) else b.op("mul", x=mean, y=like(x, shares))
    total = by_taps(b, padded(b, x, windows.pads), windows, lambda one, other: b.op("add", x=one, y=other))
    return b.op("mul", x=total, y=like(x, 1 / windows.counts(with_padding)))


def lp_pool(call: Call, b: Builder) -> Var:
    """LpPool: the p-norm of each window."""
    x, windows, power = call[0], windows_of(call, call.ints("kernel_shape") or []), call.integer("p", 2)
    if windows.ceil and None in windows.size:
        raise Refused("it rounds the number of its windows up, of a size that is known only at run time")
    powers = _powers(b, x, power)
    if max(windows.dilation) == 1:
        mean = _native(b, "avg_pool", powers, windows, exclude_padding_from_average=False)
        total = b.op("mul", x=mean, y=float(math.prod(windows.kernel)))
    else:
        total = by_taps(b, padded(b, powers, windows.pads), windows, lambda one, other: b.op("add", x=one, y=other))
    return _root(b, total, power)


def max_unpool(call: Call, b: Builder) -> Var:
    """MaxUnpool: elements back where they stood, zeros elsewhere."""
    x = call[0]
    full, wanted = unpooled_shape(call)
    y = b.op(
        "scatter",
        data=like(x, np.zeros(math.prod(full))),
        indices=b.op("reshape", x=call[1], shape=[-1]),
        updates=b.op("reshape", x=x, shape=[-1]),
        axis=0,
        mode="update",
    )
    return padded(b, reshaped(b, y, full), [(0, size - own) for size, own in zip(wanted, full, strict=True)])


def _native(b: Builder, operator: str, x: Var, windows: Windows, **more: bool) -> Var:
    """Pool by one operation."""
    sides = zip(windows.before, windows.after, windows.kernel, windows.stride, strict=True)
    if windows.ceil and None in windows.size:
        if any(start != end or step > width for start, end, width, step in sides):
            raise Refused("it rounds the number of its windows up, of a size that is known only at run time")
        # of symmetric padding, and windows that leave nothing out, MIL's ceil_mode places the same ones
        more = {**more, "ceil_mode": True}
        windows = replace(windows, ceil=False)
    _check_reach(windows)
    return b.op(
        operator,
        x=x,
        kernel_sizes=[*windows.kernel],
        strides=[*windows.stride],
        **padding(windows.pads),
        **more,
    )


def _check_reach(windows: Windows) -> None:
    """Check that every window holds an element of the input: what Core ML gives for others is not documented.

    Raises:
        Refused: when one lies in the padding alone.
    """
    for size, before, behind, width in zip(windows.size, windows.before, windows.ends, windows.kernel, strict=True):
        if before >= width or behind >= width:
            beside = "some" if size is None else size
            raise Refused(
                f"a window of {width} lies in padding of {max(before, behind)}, alone, beside {beside} elements"
            )


def _powers(b: Builder, x: Var, power: int) -> Var:
    """Give |x| to the power."""
    if power == 2:
        return b.op("mul", x=x, y=x)
    size = b.op("abs", x=x)
    return size if power == 1 else b.op("pow", x=size, y=float(power))


def _root(b: Builder, x: Var, power: int) -> Var:
    """Give the root of that power."""
    if power == 1:
        return x
    return b.op("sqrt", x=x) if power == 2 else b.op("pow", x=x, y=1 / power)


LOWERINGS: dict[str, Lowering] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": global_pool,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": global_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxUnpool": max_unpool,
}
