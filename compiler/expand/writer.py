"""The walk that expands a graph in place: each node stays, is computed, or gives way to nodes written for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import onnx_ir as ir

from ..passes.editing import Array, Editor, is_op, keep_known
from .contents import Contents
from .control import CONTROL
from .declared import settled_operand
from .definition import definition_of, raised
from .empty import without_empty_parts
from .fold import LARGEST_BYTES, SMALL_BYTES, computed
from .infer import infer_outputs
from .left import Left, TooMuch
from .nothing import changes_nothing
from .origin import made_for, origin_of
from .wanted_shape import constant_shape, told_shape

WRITTEN_LIMIT: Final = 20_000
"""Nodes that are written for one node of the hub at the most. Loops in loops multiply; a model of so many nodes would
take minutes to compile, and no runtime is quick with it."""


class Writer:
    """Writes nodes into the main graph of one model, each in front of the node that it is for, and expands them."""

    def __init__(self, model: ir.Model, known: Collection[tuple[str, str]]) -> None:
        """`known`: (domain, operator) of what need not be replaced by its definition."""
        self.graph, self.opsets, self.known = model.graph, model.graph.opset_imports, known
        self._editor = Editor(model)
        self._contents = Contents()
        self._written: list[ir.Node] = []
        self._own: set[ir.Value] = set()

    def expand_all(self) -> None:
        """Expand the nodes of the graph in their order."""
        for node in tuple(self.graph):
            self._written.clear()
            try:
                self._expand(node)
            except TooMuch:
                self._take_back(0)

    def constant(self, array: Array, stem: str) -> ir.Value:
        """Give a constant of the graph that holds an array."""
        value = self._editor.constant(array, stem)
        self._own.add(value)
        return value

    def op(
        self, before: ir.Node, op_type: str, inputs: Sequence[ir.Value | None], outputs: int = 1, **attributes: Any
    ) -> list[ir.Value]:
        """Write a node of ONNX's own domain, and give what its outputs have become.

        Raises:
            TooMuch: when too much is written already.
        """
        node = ir.Node("", op_type, inputs, ir.convenience.convert_attributes(attributes), num_outputs=outputs)
        return [_there(value) for value in self._insert(node, before, f"{before.name}/{op_type}")]

    def write(
        self, body: ir.Graph, given: Sequence[ir.Value], before: ir.Node, stem: str, like: Sequence[ir.Value] = ()
    ) -> list[ir.Value | None]:
        """Write the nodes of a body for these inputs, and give its outputs, None for one that it does not have.

        `like` are values that the outputs will stand for: what is known of their types and shapes is.

        Raises:
            Left: when a node of the body has no output that another needs.
            TooMuch: when too much is written already.
        """
        values: dict[ir.Value, ir.Value | None] = dict(zip(body.inputs, given, strict=True))
        for value in body.initializers.values():
            if value not in values and value.const_value is not None:
                values[value] = self.constant(value.const_value.numpy(), f"{stem}/{value.name}")
        stands_for = dict(zip(body.outputs, like, strict=False))
        for inner in body:
            copy = _copied(inner, values)
            for value, copied in zip(inner.outputs, copy.outputs, strict=True):
                if value in stands_for:
                    keep_known(copied, stands_for[value])
            results = self._insert(copy, before, stem)
            for value, result in zip(inner.outputs, results, strict=False):
                if result is None and value.uses():
                    raise Left(f"an output of its {inner.op_type} cannot be had")
                values[value] = result
        return [values.get(value, value if value.graph is self.graph else None) for value in body.outputs]

    def _insert(self, node: ir.Node, before: ir.Node, stem: str) -> Sequence[ir.Value | None]:
        if len(self._written) == WRITTEN_LIMIT:
            raise TooMuch
        node.name = self._editor.fresh(f"{stem}/{node.name or node.op_type}")
        for value in node.outputs:
            if value.name != "":
                value.name = self._editor.fresh(f"{stem}/{value.name or node.op_type}")
        self._own.update(node.outputs)
        made_for(node, *origin_of(before))
        self.graph.insert_before(before, node)
        self._written.append(node)
        return self._expand(node)

    def _expand(self, node: ir.Node) -> Sequence[ir.Value | None]:
        """Expand a node whose operands are, and give what its outputs have become."""
        self._settle(node)
        infer_outputs(node, self.opsets)
        told = told_shape(node, self._contents)
        if told is not None:
            keep_known(node.outputs[0], ir.Value(shape=told))
        self._contents.learn(node)
        before = len(self._written)
        try:
            results = self._results(node)
            if results is None:
                return node.outputs
            _check_whole(node, results)
        except Left:
            self._take_back(before)
            return node.outputs
        self._replace(node, results)
        return results

    def _settle(self, node: ir.Node) -> None:
        """Put constants in the place of operands that declared shapes settle, or of which enough is known."""
        settled = settled_operand(node, node.inputs) or constant_shape(node, self._contents)
        if settled is not None:
            index, array = settled
            node.replace_input_with(index, self.constant(array, f"{node.name}/settled"))

    def _results(self, node: ir.Node) -> Sequence[ir.Value | None] | None:
        """Give what stands for the outputs of a node, None when the node itself does."""
        if node.outputs[0] in self._own and changes_nothing(node):
            return [node.inputs[0]]
        sizes = self._contents.number(node)
        if sizes is not None:
            return [self.constant(sizes, f"{node.name}/constant")]
        is_known = (node.domain, node.op_type) in self.known
        arrays = computed(node, self.opsets, SMALL_BYTES if is_known else LARGEST_BYTES)
        if arrays is not None:
            return [self.constant(array, f"{node.name}/constant") for array in arrays]
        if is_op(node, *CONTROL):
            return CONTROL[node.op_type](self, node)
        fuller = without_empty_parts(self, node)
        if fuller is not None:
            return fuller
        definition = None if is_known else definition_of(node, node.inputs, self.opsets)
        if definition is None:
            return None
        given = [value for value in node.inputs if value is not None]
        like = [node.outputs[place] for place in definition.places if place < len(node.outputs)]
        before = len(self._written)
        results = self.write(raised(definition, self.opsets), given, node, str(node.name), like)
        if any(new.graph is not None and is_op(new, *CONTROL) for new in self._written[before:]):
            raise Left("its definition has control flow that stays open, which no target says better than the node")
        return definition.placed(results)

    def _replace(self, node: ir.Node, results: Sequence[ir.Value | None]) -> None:
        """Put values in the place of a node's outputs. What was made for it takes over its names."""
        for old, new in zip(node.outputs, results, strict=False):
            if new is None or new is old:
                continue
            target = new
            if old.is_graph_output() and (new not in self._own or new.producer() is None or new.is_graph_output()):
                target = self._identity(node, new)
            if target in self._own:
                keep_known(target, old)
                name, old.const_value = old.name, None  # a rename would reach a tensor that other models share
                old.name = self._editor.fresh(f"{name}/replaced")
                target.name = name
                if old not in self._own:
                    self._own.discard(target)
            if old.is_graph_output():
                for index, output in enumerate(self.graph.outputs):
                    if output is old:
                        self.graph.outputs[index] = target
            for user, index in tuple(old.uses()):
                user.replace_input_with(index, new)
        self._discard(node)

    def _identity(self, before: ir.Node, value: ir.Value) -> ir.Value:
        node = ir.Node("", "Identity", [value], name=self._editor.fresh(f"{before.name}/Identity"))
        node.outputs[0].type, node.outputs[0].shape = value.type, value.shape
        made_for(node, *origin_of(before))
        self.graph.insert_before(before, node)
        self._own.add(node.outputs[0])
        return node.outputs[0]

    def _take_back(self, count: int) -> None:
        for node in reversed(self._written[count:]):
            if node.graph is not None:
                self._discard(node)
        del self._written[count:]

    def _discard(self, node: ir.Node) -> None:
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                for inner in attribute.as_graph().all_nodes():
                    for index in range(len(inner.inputs)):
                        inner.replace_input_with(index, None)
        self.graph.remove(node, safe=True)


def _check_whole(node: ir.Node, results: Sequence[ir.Value | None]) -> None:
    for index, value in enumerate(node.outputs):
        if (index >= len(results) or results[index] is None) and (value.uses() or value.is_graph_output()):
            raise Left(f"its output {index} cannot be had")


def _copied(node: ir.Node, values: Mapping[ir.Value, ir.Value | None]) -> ir.Node:
    """Give a copy of a node of a body on other values. Sizes that only have a name may differ from round to round."""
    copy = ir.Node(
        node.domain,
        node.op_type,
        [None if value is None else values.get(value, value) for value in node.inputs],
        [_copied_attribute(attribute, values) for attribute in node.attributes.values()],
        num_outputs=len(node.outputs),
        name=node.name,
    )
    for value, copied in zip(node.outputs, copy.outputs, strict=True):
        copied.name, copied.type = value.name, value.type
        if value.shape is not None:
            copied.shape = ir.Shape([size if isinstance(size, int) else None for size in value.shape])
    return copy


def _copied_attribute(attribute: ir.Attr, values: Mapping[ir.Value, ir.Value | None]) -> ir.Attr:
    if attribute.type != ir.AttributeType.GRAPH:
        return attribute
    graph = attribute.as_graph().clone(allow_outer_scope_values=True)
    for node in graph.all_nodes():
        for index, value in enumerate(node.inputs):
            if value is not None and value in values:
                node.replace_input_with(index, values[value])
    return ir.AttrGraph(attribute.name, graph)


def _there(value: ir.Value | None) -> ir.Value:
    assert value is not None
    return value
