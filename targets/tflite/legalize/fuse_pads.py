"""A PAD before a VALID convolution that is the same as SAME."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import constant_operand, dtype_of, integer, is_constant, operand, shape_of, text
from .rewriter import Rewriter

_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})


def fuse_pads(rewriter: Rewriter) -> None:
    """Fold zero padding of the two spatial axes into SAME, only where SAME pads by exactly as much on each side."""
    for node in rewriter.graph:
        if node.op_type not in _CONVOLUTIONS or text(node, "padding", "SAME") != "VALID":
            continue
        pad = operand(node, 0).producer()
        if pad is None or pad.op_type != "PAD" or not is_constant(pad.inputs[1]):
            continue
        if not _is_same(node, pad):
            continue
        attributes = {name: attribute.value for name, attribute in node.attributes.items()} | {"padding": "SAME"}
        operands = [pad.inputs[0], *node.inputs[1:]]
        out = node.outputs[0]
        rewriter.replace(
            node, [rewriter.builder.op(node.op_type, operands, shape_of(out), dtype_of(out), **attributes)]
        )


def _is_same(node: ir.Node, pad: ir.Node) -> bool:
    pads = constant_operand(pad, 1)
    if np.any(pads[[0, 3]]):
        return False
    size, filters, output = (shape_of(value)[1:3] for value in (operand(pad, 0), operand(node, 1), node.outputs[0]))
    for axis, side in enumerate("hw"):
        stride, dilation = integer(node, f"stride_{side}"), max(integer(node, f"dilation_{side}_factor"), 1)
        reach = (filters[axis] - 1) * dilation + 1
        total = max((output[axis] - 1) * stride + reach - size[axis], 0)
        if output[axis] != -(-size[axis] // stride) or pads[axis + 1][0] != total // 2:
            return False
    return True
