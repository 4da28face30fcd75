"""DeduplicateNodes: what is computed twice is computed once."""

from __future__ import annotations

import onnx_ir as ir

from .base import Pass
from .editing import Editor

_PLAIN = frozenset(
    {
        ir.AttributeType.INT,
        ir.AttributeType.FLOAT,
        ir.AttributeType.STRING,
        ir.AttributeType.INTS,
        ir.AttributeType.FLOATS,
    }
)


class DeduplicateNodes(Pass):
    """Keeps the first of nodes with the same operator, the same inputs and the same attributes."""

    def rewrite(self, model: ir.Model) -> bool:
        """Go forward once through each graph, so that equal chains collapse from their beginning."""
        editor, changed = Editor(model), False
        for graph in tuple(model.graphs()):
            first: dict[object, ir.Node] = {}
            for node in tuple(graph):
                key = _key(node)
                kept = first.setdefault(key, node) if key is not None else node
                if kept is node or any(value.is_graph_output() for value in node.outputs):
                    continue
                for old, new in zip(tuple(node.outputs), tuple(kept.outputs), strict=True):
                    editor.replace(old, new)
                changed = True
        return changed


def _key(node: ir.Node) -> object | None:
    if any(attribute.type not in _PLAIN for attribute in node.attributes.values()):
        return None
    attributes = tuple(sorted((name, repr(attribute.value)) for name, attribute in node.attributes.items()))
    return node.domain, node.op_type, node.overload, tuple(node.inputs), attributes, len(node.outputs)
