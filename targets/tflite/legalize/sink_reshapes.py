"""RESHAPEs move behind elementwise operators, out of the way of what could be fused."""

from __future__ import annotations

import math

import onnx_ir as ir

from ..dialect import constant_of, dtype_of, operand, shape_of
from ..operators import BINARY, UNARY
from .rewriter import Rewriter, is_pinned

Shape = tuple[int, ...]


def sink_reshapes(rewriter: Rewriter) -> None:
    """Let elementwise operators work on what was reshaped, and reshape their result, where all operands agree."""
    for node in rewriter.graph:
        if node.op_type not in UNARY | BINARY:
            continue
        shape = _shape_before(node)
        operands = (
            [_before(operand(node, index), shape, node) for index in range(len(node.inputs))] if shape else [None]
        )
        if shape is None or any(value is None for value in operands):
            continue
        b, out = rewriter.builder, node.outputs[0]
        attributes = {name: attribute.value for name, attribute in node.attributes.items()}
        result = b.op(node.op_type, operands, shape, dtype_of(out), **attributes)
        rewriter.replace(node, [b.reshape(result, shape_of(out))])


def _shape_before(node: ir.Node) -> Shape | None:
    """Give the shape that an operand had before it was reshaped to that of the result."""
    for index in range(len(node.inputs)):
        source = _source(operand(node, index))
        if source is not None and shape_of(operand(node, index)) == shape_of(node.outputs[0]):
            return shape_of(source)
    return None


def _source(value: ir.Value) -> ir.Value | None:
    """Give what a RESHAPE with a single use reshapes."""
    producer = value.producer()
    if producer is None or producer.op_type != "RESHAPE" or is_pinned(producer):
        return None
    return (
        operand(producer, 0) if len({use.node for use in value.uses()}) == 1 and not value.is_graph_output() else None
    )


def _before(value: ir.Value, shape: Shape, node: ir.Node) -> ir.Value | None:
    """Give an operand as it was before the RESHAPE: a constant one when it lies along the last axis alone."""
    array = constant_of(value)
    if array is None:
        source = _source(value)
        same = source is not None and shape_of(source) == shape and shape_of(value) == shape_of(node.outputs[0])
        return source if same else None
    along_last = array.size == math.prod(array.shape[-1:]) and shape[-1:] == shape_of(node.outputs[0])[-1:]
    return value if (array.size == 1 or along_last) and array.ndim <= len(shape) else None
