"""Pooling as joins of slices: dilated windows, and where the largest of each stands."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import Windows
from ..builder import Array, Builder, Var
from ..call import Call
from .pieces import padded, part

TAP_LIMIT = 64
"""Pieces, one a place in the window and axis, that dilated windows are joined from at the most."""


def by_taps(b: Builder, x: Var, windows: Windows, join: Callable[[Var, Var], Var]) -> Var:
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


def largest_with_place(call: Call, b: Builder, x: Var, windows: Windows) -> tuple[Var, Var]:
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
