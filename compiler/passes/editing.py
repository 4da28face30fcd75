"""Editing a graph in place: what passes share. Names of inputs and outputs stay, tensors are never written into."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Array = NDArray[Any]


def all_nodes(model: ir.Model) -> Iterator[ir.Node]:
    """Go through the nodes of the graph and of all subgraphs, in order; nodes may be replaced on the way."""
    for graph in tuple(model.graphs()):
        yield from tuple(graph)


def is_op(node: ir.Node | None, *op_types: str) -> bool:
    """Whether the node is one of these operators of the default domain."""
    return node is not None and node.domain in ("", "ai.onnx") and node.op_type in op_types


def constant_tensor(value: ir.Value | None) -> ir.TensorProtocol | None:
    """Give the tensor of an initializer that no caller can override, without reading its data; else None."""
    if value is None or not value.is_initializer() or value.is_graph_input():
        return None
    return value.const_value


def constant_array(value: ir.Value | None, *, most_elements: int | None = None) -> Array | None:
    """Give the array behind a constant, not to be written to; None when it is none, or larger than `most_elements`."""
    tensor = constant_tensor(value)
    if (
        tensor is None
        or tensor.dtype == ir.DataType.STRING
        or (most_elements is not None and tensor.size > most_elements)
    ):
        return None
    return tensor.numpy()


def tensor_shape(tensor: ir.TensorProtocol) -> tuple[int, ...]:
    """Give the sizes of a tensor, which are always numbers."""
    return tuple(size for size in tensor.shape if isinstance(size, int))


def ints(node: ir.Node, name: str, default: Sequence[int] | None = None) -> tuple[int, ...] | None:
    """Give an attribute that is a list of integers."""
    attribute = node.attributes.get(name)
    if attribute is None:
        return None if default is None else tuple(default)
    return tuple(attribute.as_ints())


def static_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """Give the shape when every dimension is a number."""
    if value is None or value.shape is None or not all(isinstance(size, int) for size in value.shape):
        return None
    return tuple(int(size) for size in value.shape if isinstance(size, int))


def result_bytes(node: ir.Node) -> int | None:
    """Give the size of all that a node gives, None when a shape or dtype is not known."""
    total = 0.0
    for value in node.outputs:
        shape = static_shape(value)
        if shape is None or value.dtype is None:
            return None
        total += math.prod(shape) * value.dtype.itemsize
    return math.ceil(total)


def same_shape(one: ir.Value, other: ir.Value) -> bool:
    """Whether two shapes are known to be equal: same sizes, and the same names where they are symbolic."""
    if one.shape is None or other.shape is None or len(one.shape) != len(other.shape):
        return False
    return all(
        here == there and not (isinstance(here, ir.SymbolicDim) and here.value is None)
        for here, there in zip(one.shape, other.shape, strict=True)
    )


def only_user(value: ir.Value) -> ir.Node | None:
    """Give the one node that uses the value, at one place; None when there are more, or it is an output."""
    uses = tuple(value.uses())
    return uses[0][0] if len(uses) == 1 and not value.is_graph_output() else None


class Editor:
    """Adds nodes and constants to one model under names that nothing in it has yet."""

    def __init__(self, model: ir.Model) -> None:
        """`model` is edited in place."""
        self._model = model
        self._names: set[str | None] | None = None

    def fresh(self, stem: str) -> str:
        """Give a name that begins with `stem` and is not taken by a value or node of the model."""
        if self._names is None:
            self._names = set()
            for graph in self._model.graphs():
                self._names.update(value.name for value in graph.inputs)
                self._names.update(graph.initializers)
                for node in graph:
                    self._names.add(node.name)
                    self._names.update(value.name for value in node.outputs)
        name, count = stem, 1
        while name in self._names:
            name, count = f"{stem}_{count}", count + 1
        self._names.add(name)
        return name

    def constant(self, array: Array | ir.TensorProtocol, stem: str) -> ir.Value:
        """Add a constant to the main graph, where subgraphs see it too. An array must not be written to afterwards."""
        name = self.fresh(stem)
        tensor = ir.tensor(array, name=name) if isinstance(array, np.ndarray) else array
        value = ir.Value(
            name=name, shape=ir.Shape(tensor_shape(tensor)), type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self._model.graph.register_initializer(value)
        return value

    def node(
        self,
        before: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        attributes: Mapping[str, Any] | None = None,
        *,
        stem: str | None = None,
        like: ir.Value | None = None,
        outputs: int = 1,
    ) -> ir.Value:
        """Insert a node in front of another and give its first output, with the type and shape of `like`."""
        assert before.graph is not None
        stem = self.fresh(stem or f"{before.name}/{op_type}")
        node = ir.Node(
            "", op_type, inputs, ir.convenience.convert_attributes(attributes or {}), num_outputs=outputs, name=stem
        )
        for index, value in enumerate(node.outputs):
            value.name = self.fresh(f"{stem}:{index}" if index else f"{stem}:out")
        if like is not None:
            node.outputs[0].type = like.type
            node.outputs[0].shape = None if like.shape is None else ir.Shape(list(like.shape))
        before.graph.insert_before(before, node)
        return node.outputs[0]

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """Let everything that uses `old` use `new`, and remove the node that made `old` when nothing needs it any more.

        An output of the graph keeps its name: `new` takes it over, or an Identity stands between where it cannot.
        """
        node = old.producer()
        assert node is not None
        graph = node.graph
        if graph is None:  # it went with the last of its other outputs, this one was not used
            return
        if new.shape is None or (old.shape is not None and len(old.shape) == len(new.shape)):
            keep_known(new, old)
        if old.is_graph_output():
            maker = new.producer()
            if maker is None or maker.graph is not graph or new.is_graph_output():
                if not (is_op(node, "Identity") and node.inputs[0] is new):
                    # the name moves to the Identity, in the place of the old output
                    identity = self.node(node, "Identity", [new], like=old)
                    self.take_over(graph, old, identity)
            else:
                self.take_over(graph, old, new)
        for user, index in tuple(old.uses()):
            user.replace_input_with(index, new)
        remove_unneeded(node)

    def take_over(self, graph: ir.Graph, old: ir.Value, new: ir.Value) -> None:
        """Let `new` be the output of the graph that `old` is, under its name."""
        name = old.name
        for index, output in enumerate(graph.outputs):
            if output is old:
                graph.outputs[index] = new
        old.name = self.fresh(f"{name}/replaced")
        new.name = name
        new.metadata_props.update(old.metadata_props)


def keep_known(value: ir.Value, other: ir.Value) -> bool:
    """Complete what is known of a value's type and shape by what is known of an equal one. Give whether it learned."""
    learned = False
    if value.type is None and other.type is not None:
        value.type, learned = other.type, True
    if other.shape is None:
        return learned
    if value.shape is None:
        value.shape = ir.Shape(list(other.shape))
        return True
    if len(value.shape) != len(other.shape):
        return learned
    sizes = [_better(here, there) for here, there in zip(value.shape, other.shape, strict=True)]
    if sizes != list(value.shape):
        value.shape = ir.Shape(sizes)
        learned = True
    return learned


def _better(here: int | ir.SymbolicDim, there: int | ir.SymbolicDim) -> int | ir.SymbolicDim:
    if isinstance(here, int) or (isinstance(there, ir.SymbolicDim) and here.value is not None):
        return here
    return there


def remove_unneeded(node: ir.Node) -> bool:
    """Remove a node none of whose outputs is used. Give whether it was removed."""
    if any(value.uses() or value.is_graph_output() for value in node.outputs):
        return False
    assert node.graph is not None
    node.graph.remove(node, safe=True)
    return True
