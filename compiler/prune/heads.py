"""Heads of attention: what a reshape parts channels into, and products of two activations stack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_tensor, ints, is_op
from .marks import Marks, shape_of


def are_heads(value: ir.Value, marks: Marks) -> bool:
    """Whether what lies along an axis of a value ends as a stack in a product of two activations."""
    pending, seen = [(value, marks)], {(value, marks.axis)}
    while pending:
        here, along = pending.pop()
        for node, index in here.uses():
            if is_op(node, "MatMul"):
                if along.axis < len(shape_of(here)) - 2 and constant_tensor(node.inputs[1 - index]) is None:
                    return True
                continue
            for there, moved in _moved(node, index, along):
                if (there, moved.axis) not in seen:
                    seen.add((there, moved.axis))
                    pending.append((there, moved))
    return False


def _moved(node: ir.Node, index: int, along: Marks) -> Iterable[tuple[ir.Value, Marks]]:
    """Give where an axis of an operand is in what a node gives; nothing where that is not known."""
    shape, axis, result = shape_of(node.inputs[index]), along.axis, node.outputs[0]
    rank = len(shape)
    if is_op(node, "Transpose"):
        order = ints(node, "perm", range(rank)[::-1]) or ()
        return [(result, Marks(order.index(axis), along.ids))]
    if is_op(node, "Reshape", "Squeeze", "Unsqueeze") and index == 0:
        ids = along.ids.reshape([-1 if each == axis else 1 for each in range(rank)])
        moved = np.broadcast_to(ids, shape).reshape(shape_of(result))
        varying = [each for each in range(moved.ndim) if np.any(moved != moved.take([0], each))]
        if len(varying) != 1:
            return []
        return [(result, Marks(varying[0], np.moveaxis(moved, varying[0], -1).reshape(-1, moved.shape[varying[0]])[0]))]
    if is_op(node, "Gather") and index == 0:
        own = node.attributes.get_int("axis", 0) % rank
        behind = len(shape_of(result)) - rank if axis > own else 0
        return [] if own == axis else [(result, Marks(axis + behind, along.ids))]
    if is_op(node, *_KEEPING):
        places = [(value, axis + len(shape_of(value)) - rank) for value in node.outputs]
        return [(value, Marks(at, along.ids)) for value, at in places if shape_of(value)[at] == along.ids.size]
    return []


_KEEPING: Final = (
    *("Add", "Cast", "Concat", "Div", "Dropout", "Identity", "LayerNormalization", "Mul", "Neg"),
    *("RMSNormalization", "Slice", "Softmax", "Split", "Sub", "Where"),
)
"""Operators that leave axes where they are; what stands between projections and products, with positions rotated in."""
