"""Operators that keep channels apart: element by element, over windows and places, and along other axes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_array, constant_tensor, ints
from .marks import Trace, entering, fix, ids_of, mark, operand, shape_of
from .slots import Ids


def elementwise(found: Trace, node: ir.Node) -> None:
    """Operators element by element: slots that meet go together, constants of one number a channel shrink along."""
    out = shape_of(node.outputs[0])
    rank = len(out)
    marked = [value for value in node.inputs if value is not None and value in found.marks]
    if not marked:
        return
    axes = {found.marks[value].axis - len(shape_of(value)) + rank for value in marked}
    if len(axes) > 1:  # slots of two axes meet: no box is left when one of them goes
        fix(found, node)
        return
    (axis,) = axes
    # a variable operand that is spread along the axis, or has no slots there, keeps what it meets
    ids: Ids | None = None
    for value in node.inputs:
        if value is None:
            continue
        own_axis = axis - rank + len(shape_of(value))
        if own_axis < 0 or shape_of(value)[own_axis] == 1 != out[axis] or constant_tensor(value) is not None:
            continue
        here = ids_of(found, value, own_axis)
        if ids is not None:
            found.slots.tie(ids, here)
        ids = here if ids is None else ids
    if ids is None or ids.size != out[axis]:
        fix(found, node)
        return
    for index, value in enumerate(node.inputs):
        if value is not None and constant_tensor(value) is not None:
            operand(found, node, index, axis - rank + len(shape_of(value)), ids)
    for output in node.outputs:
        mark(found, output, axis, ids)


def channelwise(found: Trace, node: ir.Node) -> None:
    """[N, C, …] to [N, C, …], each channel by itself; other operands are of one number a channel."""
    image = node.inputs[0]
    assert image is not None
    if node.op_type == "Pad" and not _pads_places(node):
        fix(found, node)
        return
    if node.op_type == "Resize" and ("axes" in node.attributes or shape_of(image)[1] != shape_of(node.outputs[0])[1]):
        fix(found, node)
        return
    ids = ids_of(found, image, 1)
    if node.op_type in ("BatchNormalization", "InstanceNormalization"):
        for index in range(1, len(node.inputs)):
            operand(found, node, index, 0, ids)
    for output in node.outputs[:1]:
        mark(found, output, 1, ids)


def _pads_places(node: ir.Node) -> bool:
    pads = constant_array(node.inputs[1]) if len(node.inputs) > 1 else None
    if pads is None or (len(node.inputs) > 3 and node.inputs[3] is not None):
        return False
    half = pads.size // 2
    return half > 1 and not np.any(pads[[0, 1, half, half + 1]])


def reduce(found: Trace, node: ir.Node) -> None:
    """Reductions over other axes than the channels'."""
    marks = entering(found, node)
    if marks is None:
        return
    axes = constant_array(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] is not None else None
    rank = len(shape_of(node.inputs[0]))
    listed = ints(node, "axes") if axes is None else tuple(axes.tolist())
    if listed is None and not node.attributes.get_int("noop_with_empty_axes", 0):
        listed = tuple(range(rank))
    reduced = {axis % rank for axis in listed or ()}
    if marks.axis in reduced:
        fix(found, node)
        return
    keeps = node.attributes.get_int("keepdims", 1)
    axis = marks.axis if keeps else marks.axis - sum(one < marks.axis for one in reduced)
    mark(found, node.outputs[0], axis, marks.ids)


def along(found: Trace, node: ir.Node) -> None:
    """Softmax and its kin: what they sum over stays, other axes go on."""
    marks = entering(found, node)
    if marks is not None and marks.axis == node.attributes.get_int("axis", -1) % len(shape_of(node.inputs[0])):
        fix(found, node)
        return
    if marks is not None:
        mark(found, node.outputs[0], marks.axis, marks.ids)


def layer_norm(found: Trace, node: ir.Node) -> None:
    """Normalization over axes behind the channels."""
    marks = entering(found, node)
    if marks is not None and marks.axis >= node.attributes.get_int("axis", -1) % len(shape_of(node.inputs[0])):
        fix(found, node)
        return
    if marks is not None:
        mark(found, node.outputs[0], marks.axis, marks.ids)
