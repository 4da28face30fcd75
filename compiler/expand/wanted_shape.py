"""Reshape, Expand, ConstantOfShape and Range to a shape of which only some sizes are known."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, is_op
from .contents import Contents, Elements

Sizes = list[int | ir.SymbolicDim | None]

_OPERAND: Final = {"ConstantOfShape": 0, "Expand": 1, "Reshape": 1}
"""Operator → the operand that is the shape."""


def constant_shape(node: ir.Node, contents: Contents) -> tuple[int, Array] | None:
    """Give index and value of the constant that says the same to a Reshape, None when there is none.

    It has 0 for a size that is kept and −1 for one that follows from the others.
    """
    if not is_op(node, "Reshape") or node.attributes.get_int("allowzero", 0) != 0 or node.inputs[0] is None:
        return None
    elements, before = contents.of(node.inputs[1]), node.inputs[0].shape
    if elements is None or node.inputs[1] is None or node.inputs[1].const_value is not None:
        return None
    wanted: list[int] = []
    for place, element in enumerate(elements):
        if isinstance(element, int):
            wanted.append(element)
        elif element is not None and before is not None and place < len(before) and before[place] == element:
            wanted.append(0)
        else:
            wanted.append(-1)
    if wanted.count(-1) > 1 or any(element == 0 for element in elements):
        return None
    return 1, np.array(wanted, np.int64)


def told_shape(node: ir.Node, contents: Contents) -> ir.Shape | None:
    """Give what the known elements of its operand say of the shape of a node's output, None when they say nothing."""
    if is_op(node, "Range"):
        return _of_range(*map(contents.of, node.inputs))
    index = _OPERAND.get(node.op_type) if node.domain == "" else None
    elements = None if index is None else contents.of(node.inputs[index])
    if elements is None:
        return None
    if node.op_type == "ConstantOfShape":
        return ir.Shape([*elements])
    value = node.inputs[0]
    if node.op_type == "Reshape":
        sizes: Sizes = [None if isinstance(size, int) and size <= 0 else size for size in elements]
        return ir.Shape(_followed(value, node.outputs[0], sizes))
    return None if value is None or value.shape is None else ir.Shape(_broadcast([*value.shape], elements))


def _of_range(start: Elements | None, limit: Elements | None, delta: Elements | None) -> ir.Shape | None:
    """Counting from 0 by 1 up to a size gives as many."""
    if start is None or limit is None or delta is None or (start.item(), delta.item()) != (0, 1):
        return None
    return ir.Shape([limit.item()]) if isinstance(limit.item(), ir.SymbolicDim) else None


def _followed(before: ir.Value | None, after: ir.Value, told: Sizes) -> Sizes:
    """Give the sizes of a Reshape with the name of the one that follows from the others, where it has one."""
    if before is None or before.shape is None or after.shape is None or len(after.shape) != len(told):
        return told
    sizes: Sizes = [
        inferred if isinstance(inferred, int) or inferred.value is not None else own
        for inferred, own in zip(after.shape, told, strict=True)
    ]
    names = [size for size in before.shape if not isinstance(size, int)]
    for size in sizes:
        if isinstance(size, ir.SymbolicDim) and size in names:
            names.remove(size)
    known = [math.prod(size for size in shape if isinstance(size, int)) for shape in (before.shape, sizes)]
    if sizes.count(None) == len(names) == 1 and names[0].value is not None and known[0] == known[1] != 0:
        sizes[sizes.index(None)] = names[0]
    return sizes


def _broadcast(before: Sizes, wanted: Elements) -> Sizes:
    rank = max(len(before), len(wanted))
    left, right = [1] * (rank - len(before)) + before, [1] * (rank - len(wanted)) + [*wanted]
    return [_both(one, other) for one, other in zip(left, right, strict=True)]


def _both(one: int | ir.SymbolicDim | None, other: int | ir.SymbolicDim | None) -> int | ir.SymbolicDim | None:
    """Give the size of two that are broadcast together, None when it is open which of them it is."""
    if one == 1 or one == other:
        return other
    if other == 1 or (isinstance(one, int) and one != 1):
        return one
    return other if isinstance(other, int) and other != 1 else None
