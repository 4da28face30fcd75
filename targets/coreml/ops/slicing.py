"""Parts of tensors along their axes.

MIL's bounds are int32. Every bound that is known is brought into the axis before it becomes one of MIL's: an end of
INT64_MAX means the end of the axis, it must not wrap. A negative step is a slice forwards, reversed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiler.lowering.parts import sliced
from ....compiler.lowering.refused import Refused
from ..builder import INT32, Builder, Var
from ..call import Call
from .lowering import Lowering
from .sizes import Size, element, elements, is_never_negative, is_number, is_one_of, nothing, size_of


def slices(call: Call, b: Builder) -> Var:
    """Slice: axes of known bounds in one operation, each of the others in one of its own."""
    x, rank = call[0], call.rank()
    starts, ends = elements(call, 1), elements(call, 2)
    axes = call.constant_ints(3, "list of axes") or [*range(len(starts))]
    steps = call.constant_ints(4, "list of steps") or [1] * len(starts)
    fixed: dict[int, range] = {}
    others = []
    for place, (axis, start, end, step) in enumerate(zip(axes, starts, ends, steps, strict=True)):
        size = x.shape[axis % rank]
        if is_number(size) and is_number(start) and is_number(end):
            fixed[axis % rank] = sliced(int(size), start, end, step)
        else:
            others.append((axis % rank, place, start, end, step))
    empty = [axis for axis, bound in fixed.items() if not len(bound)]
    if empty:
        return nothing(b, x, empty[0])
    x = cut(b, x, fixed)
    for axis, place, start, end, step in others:
        x = _cut_at_run_time(call, b, x, axis, place, start, end, step)
    return x


def cut(b: Builder, x: Var, bounds: dict[int, range]) -> Var:
    """Take the elements `bounds[axis]` along each axis of a fixed size.

    Raises:
        Refused: when nothing is left.
    """
    rank, turned = len(x.shape), []
    begin, end, stride = [0] * rank, [0] * rank, [1] * rank
    kept = [True] * rank
    for axis, bound in bounds.items():
        if not len(bound):
            raise Refused("a tensor without elements: Core ML has none")
        if bound == range(x.shape[axis]):
            continue
        if bound.step < 0:
            bound = bound[::-1]
            turned.append(axis)
        kept[axis] = bound == range(x.shape[axis])
        begin[axis], end[axis], stride[axis] = bound[0], bound[-1] + 1, bound.step
    if not all(kept):
        x = b.op("slice_by_index", x, begin=begin, end=end, stride=stride, begin_mask=kept, end_mask=kept)
    return b.op("reverse", x, axes=turned) if turned else x


def _cut_at_run_time(call: Call, b: Builder, x: Var, axis: int, place: int, start: Size, end: Size, step: int) -> Var:
    rank, own = len(x.shape), x.shape[axis]
    from_first = is_number(start) and (start == 0 or start <= -INT32.max)
    to_last = is_one_of(end, [own]) or (is_number(end) and end >= INT32.max)
    if step < 0:
        # backwards only over the whole axis: where it would start and stop is not known else
        if not (is_number(start) and is_number(end) and (start == -1 or start >= INT32.max) and end <= -INT32.max):
            raise Refused("a slice backwards along an axis whose size, start or end is known only at run time")
        x, step, from_first, to_last = b.op("reverse", x, axes=[axis]), -step, True, True
    if from_first and to_last and step == 1:
        return x
    if is_number(end) and end == 0:
        raise Refused("a tensor without elements: Core ML has none")
    begin_mask, end_mask = [True] * rank, [True] * rank
    begin_mask[axis], end_mask[axis] = from_first, to_last
    zeros: list[Any] = [0] * rank
    begin = zeros if from_first else _spread(b, rank, axis, _bound(b, x, axis, start, call, 1, place))
    last = zeros if to_last else _spread(b, rank, axis, _bound(b, x, axis, end, call, 2, place))
    strides = [1] * rank
    strides[axis] = step
    return b.op("slice_by_index", x, begin=begin, end=last, stride=strides, begin_mask=begin_mask, end_mask=end_mask)


def _bound(b: Builder, x: Var, axis: int, bound: Size, call: Call, index: int, place: int) -> Size:
    """Give a bound as a number from −1 up, or as an int32[1] within the axis."""
    size = size_of(b, x, axis)
    whole = np.array([size], np.int32) if is_number(size) else size
    if is_number(bound):
        if bound < -1:
            return b.op("maximum", b.op("add", whole, np.array([bound])), 0)
        return bound if index == 1 or bound == -1 else b.op("minimum", whole, np.array([bound]))
    given = element(b, call[index], place)
    if not is_never_negative(call.node.inputs[index]):
        given = b.op("select", b.op("less", given, 0), b.op("add", given, whole), given)
        given = b.op("maximum", given, 0)
    return b.op("minimum", given, whole)


def _spread(b: Builder, rank: int, axis: int, bound: Size) -> Any:
    """Give one axis' bound as those of all axes; the others' are masked."""
    if is_number(bound):
        return np.array([bound if at == axis else 0 for at in range(rank)])
    parts = [np.zeros(axis, np.int32), bound, np.zeros(rank - 1 - axis, np.int32)]
    parts = [part for part in parts if not isinstance(part, np.ndarray) or part.size]
    return b.op("concat", values=parts, axis=0) if len(parts) > 1 else parts[0]


LOWERINGS: dict[str, Lowering] = {"Slice": slices}
