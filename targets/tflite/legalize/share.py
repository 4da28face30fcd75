"""Equal nodes are computed once."""

from __future__ import annotations

from collections.abc import Hashable

import onnx_ir as ir

from ..dialect import constant_of, dtype_of, shape_of
from .rewriter import Rewriter

_SMALL_BYTES = 1024
"""Constants up to this size are compared by content, larger ones by identity."""


def share_equal_nodes(rewriter: Rewriter) -> None:
    """Leave one of all nodes with the same operator, attributes and operands."""
    known: dict[Hashable, ir.Node] = {}
    for node in rewriter.graph:
        key = (node.op_type, tuple(_operand(value) for value in node.inputs), _attributes(node))
        first = known.setdefault(key, node)
        if first is not node and not any(value.is_graph_output() for value in node.outputs):
            rewriter.replace(node, first.outputs)


def _operand(value: ir.Value | None) -> Hashable:
    array = constant_of(value)
    if value is None or array is None or array.nbytes > _SMALL_BYTES:
        return id(value)
    return (shape_of(value), dtype_of(value), array.tobytes())


def _attributes(node: ir.Node) -> Hashable:
    return tuple(sorted((name, str(attribute.value)) for name, attribute in node.attributes.items()))
