"""The attributes of a hub node, read by type."""

from __future__ import annotations

import onnx_ir as ir


class Attributes:
    """Typed access to what a hub node says beside its inputs. Lowerings of every target read nodes through it."""

    def __init__(self, node: ir.Node) -> None:
        """Take the node as it is."""
        self.node = node
        self.op = node.op_type

    def integer(self, name: str, default: int) -> int:
        """Read an integer attribute."""
        attribute = self.node.attributes.get(name)
        return attribute.as_int() if attribute is not None else default

    def real(self, name: str, default: float) -> float:
        """Read a float attribute."""
        attribute = self.node.attributes.get(name)
        return attribute.as_float() if attribute is not None else default

    def text(self, name: str, default: str) -> str:
        """Read a string attribute."""
        attribute = self.node.attributes.get(name)
        return attribute.as_string() if attribute is not None else default

    def texts(self, name: str) -> list[str] | None:
        """Read a list of strings, None when it is not set."""
        attribute = self.node.attributes.get(name)
        return [*attribute.as_strings()] if attribute is not None else None

    def ints(self, name: str) -> list[int] | None:
        """Read a list attribute, None when it is not set."""
        attribute = self.node.attributes.get(name)
        return [*attribute.as_ints()] if attribute is not None else None

    def wants(self, index: int) -> bool:
        """Whether an output is named, and used by a node or as an output of the graph."""
        if index >= len(self.node.outputs):
            return False
        value = self.node.outputs[index]
        return bool(value.name) and (bool(value.uses()) or value.is_graph_output())
