"""Changing a dialect graph: a node's results are replaced by others, and what nobody uses any more goes."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ..builder import Builder
from ..dialect import is_constant
from ..origin import carry_origins


class Rewriter:
    """Edits one graph. New nodes are made with `builder` and placed by `replace`."""

    def __init__(self, graph: ir.Graph) -> None:
        """`graph` is edited in place."""
        self.graph = graph
        self._new: list[ir.Node] = []
        self.builder = Builder(self._new.append)

    def replace(self, node: ir.Node, results: Sequence[ir.Value]) -> None:
        """Put the nodes made since the last call in the place of `node`, and `results` in the place of its outputs."""
        results = [self._own(old, new) for old, new in zip(node.outputs, results, strict=True)]
        for made in self._new:
            made.metadata_props.update(node.metadata_props)
        self.graph.insert_before(node, self._new)
        self._new.clear()
        for old, new in zip(node.outputs, results, strict=True):
            carry_origins(old, new)
            name, is_output = old.name, old.is_graph_output()
            old.replace_all_uses_with(new, replace_graph_outputs=is_output)
            if is_output or new.name is None:
                old.name, new.name = None, name
        self.remove(node)

    def forget(self) -> None:
        """Let go of the nodes made since the last `replace`."""
        for made in reversed(self._new):
            for index in range(len(made.inputs)):
                made.replace_input_with(index, None)
        self._new.clear()

    def bring_forward(self, node: ir.Node) -> None:
        """Place a node of one operand right behind what gives the operand, where everybody else can use its result."""
        value = node.inputs[0]
        assert value is not None
        if node.graph is None:  # made for the rewrite at hand, in whose order it stands already
            return
        producer = value.producer()
        self.graph.remove(node)
        if producer is None:
            self.graph.insert_before(self.graph[0], node)
        else:
            self.graph.insert_after(producer, node)

    def remove(self, node: ir.Node) -> None:
        """Remove a node that nobody uses, and whatever only it used."""
        waiting = [node]
        while waiting:
            dead = waiting.pop()
            if dead.graph is None or any(value.uses() or value.is_graph_output() for value in dead.outputs):
                continue
            waiting.extend(producer for value in dead.inputs if value and (producer := value.producer()))
            self.graph.remove(dead, safe=True)

    def remove_dead(self) -> None:
        """Remove every node that nobody uses."""
        for node in reversed(self.graph):
            self.remove(node)

    def _own(self, old: ir.Value, new: ir.Value) -> ir.Value:
        """Give an output of the graph a tensor that some operator writes for it alone."""
        if not old.is_graph_output() or not (new.is_graph_input() or new.is_graph_output() or is_constant(new)):
            return new
        return self.builder.pin(new)


def is_pinned(node: ir.Node) -> bool:
    """Whether a RESHAPE stands only to give an output of the graph a tensor of its own."""
    source = node.inputs[0]
    assert source is not None
    return node.outputs[0].is_graph_output() and (
        source.is_graph_input() or source.is_graph_output() or is_constant(source)
    )
