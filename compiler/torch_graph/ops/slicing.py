"""Parts of tensors along their axes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .numbers import Number, int_max, int_min, known, numbers, remember, size_of
from .unsigned import by_bits

if TYPE_CHECKING:
    from torch.fx import Node

_FAR: Final = 1 << 62
"""Beyond any axis, and far enough from the largest int64 to be counted on with."""


def slices(call: Call[Node], b: Builder) -> Node:
    """Slice. PyTorch has no steps backwards: such a part is taken forwards, and turned round."""
    x, rank = call[0], call.rank()
    starts, ends = numbers(call, b, 1, "list of starts"), numbers(call, b, 2, "list of ends")
    given = numbers(call, b, 3, "list of axes") if call.has(3) else [*range(len(starts))]
    steps = numbers(call, b, 4, "list of steps") if call.has(4) else [1] * len(starts)
    axes = known(given)
    if axes is None:
        for bounds in zip(given, starts, ends, steps, strict=True):
            x = b.call(stepped, x, *bounds)
        return x
    taken: list[slice] = [slice(None)] * rank
    turned = []
    for axis, start, end, step in zip((axis % max(rank, 1) for axis in axes), starts, ends, steps, strict=True):
        if not isinstance(step, int):
            x = b.call(stepped, x, axis, start, end, step)
            continue
        size = size_of(call, b, 0, axis)
        start, end = _near(start), _near(end)
        if step > 0:
            taken[axis] = slice(start, end, step)
            if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
                taken[axis] = slice(*taken[axis].indices(size))
        else:
            taken[axis] = slice(*_forwards(b, size, start, end, step))
            turned.append(axis)
    if any(one != slice(None) for one in taken):
        x = b.call(operator.getitem, x, tuple(taken))
    if turned:
        x = by_bits(b, torch.flip, call.dtype(), x, dims=turned)
    return remember(call, b, x)


def _near(bound: Number) -> Number:
    """Bring a bound that means the end of any axis to where PyTorch takes it without a warning."""
    return max(min(bound, _FAR), -_FAR) if isinstance(bound, int) else bound


def _forwards(b: Builder, size: Number, start: Number, end: Number, step: int) -> tuple[Number, Number, int]:
    """Give the part whose last element comes first, where a step below zero is wanted."""
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        return first_of(size, start, end, step), last_of(size, start) + 1, -step
    return b.call(first_of, size, start, end, step), b.call(operator.add, b.call(last_of, size, start), 1), -step


def last_of(size: int, start: int) -> int:
    """Give the place of the element at which a part backwards begins, −1 in what is empty.

    A start before the axis is its first element, which is not Python's way. Source: ONNX, Slice.
    """
    start = start + size if start < 0 else start
    return int_min(int_max(start, 0), size - 1)


def first_of(size: int, start: int, end: int, step: int) -> int:
    """Give the place of the element with which a part backwards ends; behind its first one where it is empty."""
    last = last_of(size, start)
    end = int_max(end + size if end < 0 else end, -1)
    count = int_max((last - end - step - 1) // -step, 0)
    return last + (count - 1) * step if count else last + 1


def stepped(x: torch.Tensor, axis: int, start: int, end: int, step: int) -> torch.Tensor:
    """Give a part of an axis, of which not even the direction is known before."""
    part, axis = [slice(None)] * x.dim(), axis % x.dim()
    if step > 0:
        part[axis] = slice(start, end, step)
        return x[tuple(part)]
    size = x.size(axis)
    part[axis] = slice(first_of(size, start, end, step), last_of(size, start) + 1, -step)
    return x[tuple(part)].flip(axis)


LOWERINGS: dict[str, Lowering] = {"Slice": slices}
