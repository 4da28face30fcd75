"""What moves elements is run on the slots themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_array, constant_tensor, ints
from .heads import are_heads
from .marks import Trace, entering, fix, ids_of, mark, settle, shape_of, spread


def transpose(found: Trace, node: ir.Node) -> None:
    """Transpose."""
    value = node.inputs[0]
    assert value is not None
    rank = len(shape_of(node.inputs[0]))
    order = ints(node, "perm", range(rank)[::-1])
    settle(found, node.outputs[0], np.transpose(spread(found, value), order))


def reshape(found: Trace, node: ir.Node) -> None:
    """Reshape, Flatten, Squeeze and Unsqueeze: to the shape that is known."""
    value = node.inputs[0]
    assert value is not None
    if value not in found.marks:
        return
    if node.op_type == "Reshape" and constant_tensor(node.inputs[1]) is None:
        fix(found, node)
        return
    result = node.outputs[0]
    preferred = partial(are_heads, result) if found.whole_heads else None
    settle(found, result, spread(found, value).reshape(shape_of(result)), preferred)


def gather(found: Trace, node: ir.Node) -> None:
    """Gather along another axis than that of the channels, as queries, keys and values are told apart."""
    marks, places = entering(found, node), node.inputs[1]
    rank = len(shape_of(node.inputs[0]))
    axis = node.attributes.get_int("axis", 0) % rank
    if marks is None or marks.axis == axis or places in found.marks:
        fix(found, node)
        return
    behind = len(shape_of(places)) - 1 if marks.axis > axis else 0
    mark(found, node.outputs[0], marks.axis + behind, marks.ids)


def concat(found: Trace, node: ir.Node) -> None:
    """Concat."""
    values = [value for value in node.inputs if value is not None]
    axis = node.attributes.get_int("axis", 0) % len(shape_of(values[0]))
    if not any(value in found.marks for value in values):
        return
    if any(value in found.marks and found.marks[value].axis != axis for value in values):
        settle(found, node.outputs[0], np.concatenate([spread(found, value) for value in values], axis))
        return
    ids = np.concatenate([ids_of(found, value, axis) for value in values])
    mark(found, node.outputs[0], axis, ids)


def split(found: Trace, node: ir.Node) -> None:
    """Split: each output has its own part of the slots."""
    marks = entering(found, node)
    if marks is None:
        return
    axis = node.attributes.get_int("axis", 0) % len(shape_of(node.inputs[0]))
    begin = 0
    for output in node.outputs:
        size = shape_of(output)[axis]
        ids = marks.ids[begin : begin + size] if marks.axis == axis else marks.ids
        mark(found, output, marks.axis, ids)
        begin += size


def slice_(found: Trace, node: ir.Node) -> None:
    """Slice by constants in steps of one."""
    marks = entering(found, node)
    if marks is None:
        return
    bounds = slice_bounds(node)
    if bounds is None:
        fix(found, node)
        return
    begin, end = bounds.get(marks.axis, (0, marks.ids.size))
    mark(found, node.outputs[0], marks.axis, marks.ids[begin:end])


def slice_bounds(node: ir.Node) -> Mapping[int, tuple[int, int]] | None:
    """Give begin and end along each axis of a Slice by constants in steps of one; None of any other."""
    given = [constant_array(value) if value is not None else None for value in node.inputs[1:]]
    if len(given) < 2 or given[0] is None or given[1] is None:
        return None
    shape = shape_of(node.inputs[0])
    axes = given[2].tolist() if len(given) > 2 and given[2] is not None else list(range(given[0].size))
    steps = given[3].tolist() if len(given) > 3 and given[3] is not None else [1] * len(axes)
    if any(step != 1 for step in steps):
        return None
    found = {}
    for axis, first, last in zip(axes, given[0].tolist(), given[1].tolist(), strict=True):
        begin, end, _ = slice(first, last).indices(shape[axis])
        found[axis % len(shape)] = (begin, max(begin, end))
    return found
