"""Equal nodes are computed once, equal constants kept once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable

import numpy as np
import onnx_ir as ir

from ..dialect import constant_of, dtype_of, is_constant, shape_of
from .rewriter import Rewriter

_SMALL_BYTES = 1024
"""Constants up to this size are compared by content, larger ones by identity."""


def share_equal_nodes(rewriter: Rewriter) -> None:
    """Leave one of all nodes with the same operator, attributes, operands and dtypes of the results."""
    known: dict[Hashable, ir.Node] = {}
    for node in rewriter.graph:
        operands, given = (_operand(value) for value in node.inputs), (dtype_of(value) for value in node.outputs)
        key = (node.op_type, tuple(operands), tuple(given), _attributes(node))
        first = known.setdefault(key, node)
        if first is not node and not any(value.is_graph_output() for value in node.outputs):
            rewriter.replace(node, first.outputs)


def share_equal_constants(graph: ir.Graph) -> None:
    """Leave one of all constants with the same shape, dtype and content."""
    alike: dict[Hashable, list[ir.Value]] = defaultdict(list)
    for value in dict.fromkeys(value for node in graph for value in node.inputs):
        if value is not None and is_constant(value):
            alike[shape_of(value), dtype_of(value)].append(value)
    for values in alike.values():
        known: dict[bytes, ir.Value] = {}
        for value in values if len(values) > 1 and 0 not in shape_of(values[0]) else ():
            array = constant_of(value)
            assert array is not None
            first = known.setdefault(hashlib.blake2b(np.ascontiguousarray(array).data).digest(), value)
            if first is not value:
                value.replace_all_uses_with(first)


def _operand(value: ir.Value | None) -> Hashable:
    array = constant_of(value)
    if value is None or array is None or array.nbytes > _SMALL_BYTES:
        return id(value)
    return (shape_of(value), dtype_of(value), array.tobytes())


def _attributes(node: ir.Node) -> Hashable:
    return tuple(sorted((name, str(attribute.value)) for name, attribute in node.attributes.items()))
