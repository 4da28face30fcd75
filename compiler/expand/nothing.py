"""Nodes that give what they take: definitions are full of them, written for any dtype and shape."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_array, is_op, same_shape


def changes_nothing(node: ir.Node) -> bool:
    """Whether the only output of a node is its first input, as far as dtypes and shapes are known."""
    if is_op(node, "Identity"):
        return True
    if len(node.outputs) != 1 or not node.inputs or node.inputs[0] is None:
        return False
    value, result = node.inputs[0], node.outputs[0]
    if value.dtype is None or value.dtype != result.dtype:
        return False
    if is_op(node, "Cast", "CastLike"):
        return True
    if is_op(node, "Slice"):
        steps = constant_array(node.inputs[4]) if len(node.inputs) > 4 else np.ones(1)
        return steps is not None and bool(np.all(steps > 0)) and same_shape(value, result)
    return is_op(node, "Reshape", "Expand") and same_shape(value, result)
