"""Tensors repeated along their axes, and the choice between two that broadcast."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .lowering import Lowering
from .sizes import Size, declared, element, elements, is_number, is_one_of, name_of, read, size_of, vector_of


def expand(call: Call, b: Builder) -> Var:
    """Expand: both shapes are broadcast, so an axis of `x` may stay where the shape says 1."""
    x, wanted = call[0], elements(call, 1)
    rank = max(call.rank(), len(wanted))
    own = [1] * (rank - call.rank()) + [*x.shape]
    known = declared(call, rank)
    sizes: list[Size] = [1] * (rank - len(wanted))
    for place, size in enumerate(wanted):
        axis = rank - len(wanted) + place
        if is_number(size) or is_one_of(size, [own[axis]]):
            sizes.append(size)
        elif is_number(own[axis]) and own[axis] != 1:
            sizes.append(own[axis])  # the other is 1 or the same
        else:
            size = known[axis]
            if size is None:
                size = element(b, call[1], place)
            sizes.append(size if is_one_of(size, [own[axis]]) else read(b, x, size))
    return spread(b, x, sizes)


def spread(b: Builder, x: Var, sizes: Sequence[Size]) -> Var:
    """Broadcast `x` with a shape of as many axes or more: numbers, symbols of `x`, and int32[1]s.

    Raises:
        Refused: when the shapes do not go together.
    """
    ahead = len(sizes) - len(x.shape)
    if ahead:
        x = _lifted(b, x, len(sizes))
    times = [_times(b, x, axis, size) for axis, size in enumerate(sizes)]
    return x if all(is_number(each) and each == 1 for each in times) else b.op("tile", x, vector_of(b, times))


def _times(b: Builder, x: Var, axis: int, size: Size) -> Size:
    own = x.shape[axis]
    if is_one_of(size, [own]) or (is_number(size) and size == 1):
        return 1
    if is_number(own):
        if own == 1:
            return size
        if is_number(size) and size != own:
            raise Refused(f"{own} elements do not broadcast to {size}")
        return 1
    own = size_of(b, x, axis)  # 1, or what the result has
    size = np.array([size], np.int32) if is_number(size) else b.op("maximum", size, own)
    return b.op("floor_div", size, own)


def level(b: Builder, x: Var, y: Var) -> tuple[Var, Var]:
    """Give a constant's partner as many axes as the constant has, when it has fewer.

    coremltools joins constants to the operation before them, and forgets that they gave the result its axes.
    """
    if x.val is not None and y.val is None and len(x.shape) > len(y.shape):
        return x, _lifted(b, y, len(x.shape))
    if y.val is not None and x.val is None and len(y.shape) > len(x.shape):
        return _lifted(b, x, len(y.shape)), y
    return x, y


def _lifted(b: Builder, x: Var, rank: int) -> Var:
    ahead = rank - len(x.shape)
    return b.op("expand_dims", x, axes=[*range(ahead)]) if len(x.shape) else b.op("reshape", x, [1] * ahead)


def where(call: Call, b: Builder) -> Var:
    """Where."""
    return choose(b, call[0], call[1], call[2], _as_long(call))


def _as_long(call: Call) -> list[int]:
    """Give the axes of the result, counted from the back, that the hub knows one of the two choices to fill."""
    result = call.node.outputs[0].shape
    if result is None:
        return []
    filled = []
    for value in call.node.inputs[1:]:
        shape = value.shape if value is not None else None
        for back in range(1, min(len(shape or ()), len(result)) + 1):
            assert shape is not None
            name = name_of(shape[-back])
            if name is not None and name == name_of(result[-back]):
                filled.append(-back)
    return filled


def choose(b: Builder, condition: Var, chosen: Var, other: Var, filled: Collection[int] = ()) -> Var:
    """Choose by a condition that broadcasts too, which MIL's inference of select's shape does not see.

    `filled`: axes, counted from the back, along which `chosen` or `other` is as long as the result.
    """
    missing = [
        axis
        for axis in _missing(condition.shape, chosen.shape, other.shape)
        if axis - len(condition.shape) not in filled
    ]
    if missing:
        rank = max(len(condition.shape), len(chosen.shape))
        ahead = rank - len(condition.shape)
        sizes: list[Size] = [1] * rank
        for axis in missing:
            sizes[axis + ahead] = size_of(b, condition, axis)
        chosen = spread(b, chosen, sizes)
    return b.op("select", condition, chosen, other)


def _missing(condition: tuple[Size, ...], *others: tuple[Size, ...]) -> list[int]:
    """Give the axes of the condition along which it alone may have more than one element, or that it alone has."""
    missing = []
    for back in range(1, len(condition) + 1):
        sizes = [shape[-back] for shape in others if len(shape) >= back]
        size = condition[-back]
        covered = any((is_number(own) and own > 1) or is_one_of(own, [size]) for own in sizes)
        if not covered and not (is_number(size) and size == 1 and sizes):
            missing.append(len(condition) - back)
    return missing


def tile(call: Call, b: Builder) -> Var:
    """Tile."""
    x, times = call[0], elements(call, 1)
    if all(is_number(each) and each == 1 for each in times):
        return x
    if 0 in times:
        raise Refused("a tensor without elements: Core ML has none")
    return b.op("tile", x, np.array(times, np.int32) if all(map(is_number, times)) else call[1])


LOWERINGS: dict[str, Lowering] = {
    "Expand": expand,
    "Tile": tile,
    "Where": where,
}
