"""What rules are made of: the slots of values, and what shrinks with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_tensor, static_shape
from .slots import FIXED, Ids, Slots


@dataclass(frozen=True, slots=True)
class Marks:
    """The slots of a value along one axis; every element belongs to that of its place on this axis."""

    axis: int
    ids: Ids


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A constant operand of a node that shrinks along an axis, and the slots there.

    `makes`: its numbers along the axis are what make these channels; importance is judged by them.
    """

    node: ir.Node
    index: int
    axis: int
    ids: Ids
    makes: bool


@dataclass(slots=True)
class Trace:
    """What was found of a model of known shapes."""

    whole_heads: bool = False
    """Of the two axes that a reshape parts channels into for attention, whether that of heads is followed, and not that
    of the channels in each."""
    heads: list[ir.Value] = field(default_factory=list)
    """The values that are so parted, where `whole_heads` is asked for."""
    slots: Slots = field(default_factory=Slots)
    marks: dict[ir.Value, Marks] = field(default_factory=dict)
    """A value that is not here has no slots: all of it stays."""
    parts: list[Part] = field(default_factory=list)
    products: dict[ir.Node, tuple[Ids, ...]] = field(default_factory=dict)
    """A product of two activations → the slots along its axes: what it multiplies shrinks with each."""


def shape_of(value: ir.Value | None) -> tuple[int, ...]:
    """Give the sizes of a value, all of which are known."""
    shape = static_shape(value)
    assert shape is not None, value
    return shape


def entering(found: Trace, node: ir.Node) -> Marks | None:
    """Give what is marked of a node's first input."""
    value = node.inputs[0]
    return None if value is None else found.marks.get(value)


def fix_value(found: Trace, value: ir.Value | None) -> None:
    """Let all slots of a value stay."""
    if value is not None and value in found.marks:
        found.slots.fix(found.marks[value].ids)


def fix(found: Trace, node: ir.Node) -> None:
    """Let all slots that go into a node stay."""
    for value in node.inputs:
        fix_value(found, value)


def ids_of(found: Trace, value: ir.Value, axis: int) -> Ids:
    """Give the slots of a value along an axis; what varies along another one is fixed."""
    marks = found.marks.get(value)
    size = shape_of(value)[axis]
    if marks is None:
        return np.full(size, FIXED)
    if marks.axis != axis:
        found.slots.fix(marks.ids)
        return np.full(size, FIXED)
    return marks.ids


def mark(found: Trace, value: ir.Value, axis: int, ids: Ids) -> None:
    """Say which slots a value has along an axis."""
    if np.any(ids != FIXED):
        found.marks[value] = Marks(axis, ids)


def spread(found: Trace, value: ir.Value, shape: Sequence[int] | None = None) -> Ids:
    """Give an array of the value's shape, or of one that it broadcasts to: the slot of every element."""
    own = shape_of(value)
    marks = found.marks.get(value)
    if marks is None:
        array = np.full([1] * len(own), FIXED)
    else:
        array = marks.ids.reshape([-1 if axis == marks.axis else 1 for axis in range(len(own))])
    array = np.broadcast_to(array, own)
    return array if shape is None else np.broadcast_to(array, tuple(shape))


def settle(found: Trace, value: ir.Value, array: Ids, preferred: Callable[[Marks], bool] | None = None) -> None:
    """Mark a value by the slots of its elements.

    Of several axes along which they vary one stays: the first that is preferred, or the longest.
    """
    varying = [axis for axis in range(array.ndim) if _varies(array, axis)]
    if not varying:
        if array.size and array.flat[0] != FIXED:  # one slot, and no axis along which it could be taken away
            found.slots.fix(array.ravel()[:1])
        return
    kept = max(varying, key=lambda axis: (array.shape[axis], axis))
    if len(varying) > 1 and preferred is not None:
        heads = [axis for axis in varying if preferred(Marks(axis, _rows(array, axis)[0]))]
        kept = (*heads, kept)[0]
        found.heads += [value] * bool(heads)
    first = _rows(array, kept)
    for row in np.unique(first, axis=0):
        found.slots.tie(first[0], row)
    mark(found, value, kept, first[0].copy())


def _rows(array: Ids, axis: int) -> Ids:
    return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])


def _varies(array: Ids, axis: int) -> bool:
    if array.strides[axis] == 0 or array.shape[axis] < 2:
        return False
    first = array.take([0], axis)
    return bool(np.any(array != first))


def part(found: Trace, node: ir.Node, index: int, axis: int, ids: Ids, *, makes: bool = False) -> None:
    """Note that a constant operand shrinks along an axis."""
    if np.any(ids != FIXED):
        found.parts.append(Part(node=node, index=index, axis=axis, ids=ids, makes=makes))


def operand(found: Trace, node: ir.Node, index: int, axis: int, ids: Ids) -> None:
    """Let an operand follow along an axis: a constant is cut, one number for all is left, anything else fixes."""
    value = node.inputs[index]
    assert value is not None
    shape = shape_of(value)
    if axis < 0 or not shape or shape[axis] == 1 != ids.size:
        return
    if constant_tensor(value) is None:
        fix_value(found, value)
        found.slots.fix(ids)
    else:
        part(found, node, index, axis, ids)
