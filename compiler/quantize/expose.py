"""A hub model that also gives inner tensors, or only their shapes."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ..model import Model
from ..passes.remove_dead_code import RemoveDeadCode

_SHAPE_OF = "edgewright_shape_of_"


def float_tensors(model: Model) -> tuple[ir.Value, ...]:
    """Give the float32 tensors that the nodes of a model compute, in the order of the nodes.

    Those inside of branches and loops cannot be had from outside, and constants are not computed.
    """
    return tuple(
        value
        for node in model.graph
        if node.op_type not in ("Constant", "ConstantOfShape")
        for value in node.outputs
        if value.name and isinstance(value.type, ir.TensorType) and value.dtype == ir.DataType.FLOAT
    )


def giving(model: Model, names: Sequence[str]) -> Model:
    """Give a model whose outputs are these tensors, and which computes nothing that they do not need."""
    graph = model.ir.clone()
    values = {value.name: value for node in graph.graph for value in node.outputs}
    graph.graph.outputs[:] = [values[name] for name in names]
    RemoveDeadCode().rewrite(graph)
    return model.with_graph(graph)


def giving_shapes(model: Model, names: Sequence[str]) -> Model:
    """Give a model whose outputs are the shapes of these tensors, int64[rank] each."""
    graph = model.ir.clone()
    values = {value.name: value for node in graph.graph for value in node.outputs}
    nodes = [ir.node("Shape", [values[name]]) for name in names]
    for index, node in enumerate(nodes):
        output = node.outputs[0]
        output.name, output.dtype = f"{_SHAPE_OF}{index}", ir.DataType.INT64
        output.shape = ir.Shape([None])
        node.name = output.name
    graph.graph.extend(nodes)
    graph.graph.outputs[:] = [node.outputs[0] for node in nodes]
    return model.with_graph(graph)
