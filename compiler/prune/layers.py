"""Layers end the slots of their input and begin new ones."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_tensor
from .marks import Marks, Trace, fix, ids_of, mark, operand, part, shape_of


def conv(found: Trace, node: ir.Node) -> None:
    """Conv and ConvTranspose, in one group, in groups, or each channel by itself."""
    image = node.inputs[0]
    if constant_tensor(node.inputs[1]) is None:
        fix(found, node)
        return
    assert image is not None
    transposed = node.op_type == "ConvTranspose"
    groups = node.attributes.get_int("group", 1)
    entering = ids_of(found, image, 1)
    channels, made = entering.size, shape_of(node.outputs[0])[1]
    out_axis, in_axis = (1, 0) if transposed else (0, 1)
    if groups == 1:
        leaving = found.slots.new(made)
        part(found, node, 1, in_axis, entering)
        part(found, node, 1, out_axis, leaving, makes=True)
    elif groups == channels and made % channels == 0:
        times = made // channels
        leaving = np.repeat(entering, times)
        part(found, node, 1, 0, entering if transposed else leaving, makes=True)
    else:
        by_group = entering.reshape(groups, -1)  # groups stay as many and as wide as each other
        for row in by_group[1:]:
            found.slots.tie(by_group[0], row)
        own = found.slots.new(made // groups)
        leaving = np.tile(own, groups)
        part(found, node, 1, in_axis, entering if transposed else by_group[0])
        part(found, node, 1, out_axis, own if transposed else leaving, makes=True)
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        operand(found, node, 2, 0, leaving)
    mark(found, node.outputs[0], 1, leaving)


def gemm(found: Trace, node: ir.Node) -> None:
    """Gemm by constant weights."""
    rows, weight = node.inputs[0], node.inputs[1]
    if constant_tensor(weight) is None or node.attributes.get_int("transA"):
        fix(found, node)
        return
    assert rows is not None
    in_axis = 1 if node.attributes.get_int("transB") else 0
    leaving = found.slots.new(shape_of(node.outputs[0])[1])
    part(found, node, 1, in_axis, ids_of(found, rows, 1))
    part(found, node, 1, 1 - in_axis, leaving, makes=True)
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None:
        operand(found, node, 2, len(shape_of(bias)) - 1, leaving)
    mark(found, node.outputs[0], 1, leaving)


def matmul(found: Trace, node: ir.Node) -> None:
    """MatMul by a constant matrix, or of two activations."""
    left, right = node.inputs
    assert left is not None
    assert right is not None
    left_rank, right_rank = len(shape_of(left)), len(shape_of(right))
    if left_rank < 2 or right_rank < 2:
        fix(found, node)
        return
    if constant_tensor(right) is not None and right_rank == 2:
        leaving = found.slots.new(shape_of(right)[1])
        part(found, node, 1, 0, ids_of(found, left, left_rank - 1))
        part(found, node, 1, 1, leaving, makes=True)
        mark(found, node.outputs[0], len(shape_of(node.outputs[0])) - 1, leaving)
        return
    if constant_tensor(left) is not None or constant_tensor(right) is not None:
        fix(found, node)
        return
    _product(found, node, left, right)


def _product(found: Trace, node: ir.Node, left: ir.Value, right: ir.Value) -> None:
    """Two activations: what they are multiplied along goes together; rows, columns and stacks go on."""
    rank = len(shape_of(node.outputs[0]))
    summed, others = [], []
    for value, along, other in ((left, -1, right), (right, -2, left)):
        marks, own = found.marks.get(value), len(shape_of(value))
        if marks is not None and marks.axis == own + along:
            summed.append(marks.ids)
        elif marks is not None:
            others.append(Marks(marks.axis - own + rank, marks.ids))
            beside = marks.axis - own + len(shape_of(other))
            if marks.axis < own - 2 and beside >= 0 and shape_of(other)[beside] > 1 and other not in found.marks:
                found.slots.fix(marks.ids)  # a stack of which the other operand keeps all
    if len(summed) == 1:  # the other operand keeps what it meets
        found.slots.fix(summed[0])
    elif summed:
        found.slots.tie(*summed)
    if len(others) > 1:
        first, second = others
        if first.axis != second.axis or first.ids.size != second.ids.size:
            fix(found, node)
            return
        found.slots.tie(first.ids, second.ids)
    for marks in others[:1]:
        mark(found, node.outputs[0], marks.axis, marks.ids)
    found.products[node] = tuple(ids for ids in (*summed[:1], *(marks.ids for marks in others[:1])))
