"""Pooling.

Windows are placed by explicit padding, so that neither MIL's `ceil_mode` nor its `same` has to mean what ONNX does.
Only a number of windows that is rounded up, of a size known at run time, is left to `ceil_mode`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...refused import Refused
from ..builder import Array, Builder, Var, type_name
from ..call import Call
from .convolution import padding
from .lowering import Lowering
from .pieces import is_float, like, padded, part, reshaped
from .windows import Windows, windows_of

TAP_LIMIT = 64
"""Pieces, one a place in the window and axis, that dilated windows are joined from at the most."""

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
        best, place = _largest_with_place(call, b, x, windows)
        return [b.cast(best, kind), place]
    if max(windows.dilation) == 1:
        return [b.cast(_native(b, "max_pool", x, windows), kind)]
    x = padded(b, x, windows.pads, -math.inf)
    return [b.cast(_by_taps(b, x, windows, lambda one, other: b.op("maximum", x=one, y=other)), kind)]


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
    total = _by_taps(b, padded(b, x, windows.pads), windows, lambda one, other: b.op("add", x=one, y=other))
    return b.op("mul", x=total, y=like(x, 1 / windows.counts(with_padding)))


def lp_pool(call: Call, b: Builder) -> Var:
    """LpPool: the p-norm of each window."""
    x, windows, power = call[0], windows_of(call, call.ints("kernel_shape") or []), call.integer("p", 2)
    powers = _powers(b, x, power)
    if max(windows.dilation) == 1:
        mean = _native(b, "avg_pool", powers, windows, exclude_padding_from_average=False)
        total = b.op("mul", x=mean, y=float(math.prod(windows.kernel)))
    else:
        total = _by_taps(b, padded(b, powers, windows.pads), windows, lambda one, other: b.op("add", x=one, y=other))
    return _root(b, total, power)


def max_unpool(call: Call, b: Builder) -> Var:
    """MaxUnpool: elements back where they stood, zeros elsewhere."""
    x, kernel = call[0], call.ints("kernel_shape") or []
    rank = len(kernel)
    stride, pads = call.ints("strides") or [1] * rank, call.ints("pads") or [0] * (2 * rank)
    shape = call.shape()
    full = [*shape[:2]]
    for axis, size in enumerate(shape[2:]):
        full.append((size - 1) * stride[axis] + kernel[axis] - pads[axis] - pads[rank + axis])
    wanted = call.constant_ints(2, "output shape") or full
    if any(size < own for size, own in zip(wanted, full, strict=True)):
        raise Refused(f"its output {wanted} is smaller than what it puts back, {full}")
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
    if windows.ceil and any(not isinstance(size, int | np.integer) for size in windows.size):
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
            raise Refused(
                f"a window of {width} lies in padding of {max(before, behind)}, alone, beside {size} elements"
            )


def _by_taps(b: Builder, x: Var, windows: Windows, join: Callable[[Var, Var], Var]) -> Var:
    """Join what stands at each place of the windows of padded x, one axis after the other."""
    if sum(windows.kernel) > TAP_LIMIT:
        raise Refused(f"dilated windows of {windows.kernel}")
    for axis in range(len(windows.kernel)):
        taps = _taps(b, x, windows, axis)
        x = taps[0]
        for tap in taps[1:]:
            x = join(x, tap)
    return x


def _taps(b: Builder, x: Var, windows: Windows, axis: int) -> list[Var]:
    """Give what stands at each place in the windows along one axis of padded x."""
    stride, dilation, count = windows.stride[axis], windows.dilation[axis], windows.output[axis]
    starts = [tap * dilation for tap in range(windows.kernel[axis])]
    return [part(b, x, 2 + axis, start, start + (count - 1) * stride + 1, stride) for start in starts]


def _largest_with_place(call: Call, b: Builder, x: Var, windows: Windows) -> tuple[Var, Var]:
    """Give the largest of each window, and its place in the flattened input; of several the first.

    The last axis first: of what is largest in a row the first, then of the rows the first.
    """
    if sum(windows.kernel) > TAP_LIMIT:
        raise Refused(f"places in windows of {windows.kernel}")
    best = padded(b, x, windows.pads, -math.inf)
    rank, shape = len(windows.kernel), call.shape()
    places: dict[int, Var] = {}
    for axis in reversed(range(rank)):
        taps = _taps(b, best, windows, axis)
        # where only one place was possible along an axis, it does not depend on what is chosen along this one
        older = {other: _taps(b, place, windows, axis) for other, place in places.items() if place.shape[2 + axis] > 1}
        places.update((other, parts[0]) for other, parts in older.items())
        best, own = taps[0], b.const(_line(windows, axis, 0))
        for index, tap in enumerate(taps[1:], 1):
            larger, line = b.op("greater", x=tap, y=best), _line(windows, axis, index)
            best = b.op("select", cond=larger, a=tap, b=best)
            own = _whole(b, larger, line, own) if index == 1 else b.op("select", cond=larger, a=line, b=own)
            for other, parts in older.items():
                places[other] = b.op("select", cond=larger, a=parts[index], b=places[other])
        places[axis] = own
    spatial = shape[2:]
    first = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape[0], shape[1], *[1] * rank)
    flat = b.const(first * math.prod(spatial))
    for axis, place in places.items():
        column_major = bool(call.integer("storage_order", 0))
        step = math.prod(spatial[:axis] if column_major else spatial[axis + 1 :])
        flat = b.op("add", x=flat, y=place if step == 1 else b.op("mul", x=place, y=step))
    return best, flat


def _whole(b: Builder, condition: Var, line: Array, other: Var) -> Var:
    """Choose between two lines in the shape of the condition; `select` would have the shape of the lines."""
    return b.op("add", x=other, y=b.op("mul", x=b.cast(condition, "int32"), y=line - np.asarray(other.val)))


def _line(windows: Windows, axis: int, tap: int) -> Array:
    """Give where one tap of the windows along an axis stands in the input, int32, in the shape of that axis alone."""
    starts = np.arange(windows.output[axis]) * windows.stride[axis] - windows.before[axis]
    shape = [1] * (2 + len(windows.kernel))
    shape[2 + axis] = -1
    return (starts + tap * windows.dilation[axis]).astype(np.int32).reshape(shape)


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
