"""Which node of a hub model a node of its expanded form was made for."""

from __future__ import annotations

import onnx_ir as ir

_NODE, _OP = "edgewright.made-for", "edgewright.made-for-op"


def mark_origins(graph: ir.Graph) -> None:
    """Note on every node that has no origin yet that it is its own."""
    for node in graph:
        if _NODE not in node.metadata_props:
            made_for(node, name_of(node), op_of(node))


def made_for(node: ir.Node, name: str, op: str) -> None:
    """Note the name and the operator of the node that `node` was made for."""
    node.metadata_props[_NODE], node.metadata_props[_OP] = name, op


def origin_of(node: ir.Node) -> tuple[str, str]:
    """Give the name and the operator (with its domain unless that is ONNX's own) that a node was made for."""
    return node.metadata_props.get(_NODE, name_of(node)), node.metadata_props.get(_OP, op_of(node))


def name_of(node: ir.Node) -> str:
    """Give a node's name, or what it gives where it has none."""
    return node.name or f"(unnamed, gives {', '.join(value.name or '' for value in node.outputs)})"


def op_of(node: ir.Node) -> str:
    """Give a node's operator, with its domain unless that is ONNX's own."""
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type
