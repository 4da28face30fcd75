"""A quantized model in which one node alone is quantized."""

from __future__ import annotations

import onnx_ir as ir

from ..passes.editing import Editor, constant_array
from ..passes.remove_dead_code import RemoveDeadCode
from .scheme import Role, Scheme

QUANTIZES = ("QuantizeLinear", "DynamicQuantizeLinear")

HANDS_ON = frozenset(
    {
        *("Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Pad", "Reshape", "Slice"),
        *("SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
    }
)
"""Operators that hand numbers on as they are, so that they lose nothing by themselves."""


def quantized_nodes(model: ir.Model, scheme: Scheme) -> tuple[ir.Node, ...]:
    """Give the nodes that compute in integers by a rule of the scheme, in the order of the graph.

    A node that the scheme does not know, or whose weight is a float, only reads what others made of integers.
    """
    return tuple(
        node
        for node in model.graph
        if node.op_type not in HANDS_ON
        and (rule := scheme.ops.get(node.op_type)) is not None
        and any(dequantizer(value) is not None for value in node.inputs)
        and not any(
            role is Role.WEIGHT and constant_array(value) is not None
            for role, value in zip(rule.inputs, node.inputs, strict=False)
        )
    )


def dequantizer(value: ir.Value | None) -> ir.Node | None:
    """Give the DequantizeLinear that makes a value, None when nothing such does."""
    maker = value.producer() if value is not None else None
    return maker if maker is not None and maker.op_type == "DequantizeLinear" else None


def isolate(quantized: ir.Model, original: ir.Model, name: str, scheme: Scheme) -> ir.Model:
    """Give the quantized model with the Q/DQ around one node only: at its inputs, and behind it.

    `original` is the same model in float, which has the weights of all others; `scheme` the one that it was quantized
    by. Both models stay as they were.
    """
    model = quantized.clone()
    nodes = {str(node.name): node for node in model.graph}
    group = _with_fused(nodes[name], scheme)
    made = {value for node in group for value in node.outputs}
    weights = {str(node.name): node for node in original.graph}
    editor = Editor(model)
    for node in tuple(model.graph):
        if node.op_type != "DequantizeLinear" or node.graph is None:
            continue
        stored = node.inputs[0]
        assert stored is not None
        source = stored.producer()
        readers = tuple(node.outputs[0].uses())
        if any(user in group for user, _ in readers):
            continue
        if source is None:
            for user, index in readers:
                before = weights[str(user.name)].inputs
                array = constant_array(before[index]) if index < len(before) else None
                if array is None:
                    continue  # it was added with the integers: a bias that corrects what they lose
                user.replace_input_with(index, editor.constant(array, f"{user.name}/float"))
        elif source.op_type in QUANTIZES and source.inputs[0] not in made:
            assert source.inputs[0] is not None
            editor.replace(node.outputs[0], source.inputs[0])
    RemoveDeadCode().rewrite(model)
    return model


def _with_fused(node: ir.Node, scheme: Scheme) -> set[ir.Node]:
    """Give the node, and those behind it that its kernel takes in: between them nothing is quantized."""
    group, last = {node}, node
    while True:
        uses = tuple(last.outputs[0].uses())
        if len(uses) != 1 or (node.op_type, uses[0][0].op_type) not in scheme.fused:
            return group
        last = uses[0][0]
        group.add(last)
