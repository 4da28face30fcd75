"""Inputs and outputs of 64-bit integers as int32: what TensorRT takes before version 9, which has no others."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import onnx_ir as ir

from ...compiler.expand.origin import made_for, origin_of
from ...compiler.passes.editing import Editor
from ...vocabulary.signature import Signature, TensorSpec


def narrow_border(model: ir.Model) -> Mapping[str, str]:
    """Cast at the border of a graph, in place; give the names that are int32 now, with what they were."""
    editor, narrowed = Editor(model), {}
    graph = model.graph
    for value in graph.inputs:
        if value.dtype != ir.DataType.INT64 or not len(graph):
            continue
        uses = tuple(value.uses())
        wide = editor.node(graph[0], "Cast", [value], {"to": ir.DataType.INT64.value}, like=value)
        value.type = ir.TensorType(ir.DataType.INT32)
        made = wide.producer()
        assert made is not None
        made_for(made, *origin_of(uses[0][0] if uses else graph[-1]))
        for user, index in uses:
            user.replace_input_with(index, wide)
        narrowed[str(value.name)] = "int64 → int32"
    for value in tuple(graph.outputs):
        if value.dtype != ir.DataType.INT64 or value.is_graph_input():
            continue
        small = editor.node(graph[-1], "Cast", [value], {"to": ir.DataType.INT32.value}, like=value)
        small.type = ir.TensorType(ir.DataType.INT32)
        node = small.producer()
        assert node is not None
        made_for(node, *origin_of(value.producer() or graph[-1]))
        last = graph[-1]
        if node is not last:
            graph.remove(node)
            graph.insert_after(last, node)
        editor.take_over(graph, value, small)
        narrowed[str(small.name)] = "int64 → int32"
    return narrowed


def narrowed_signature(signature: Signature, narrowed: Mapping[str, str]) -> Signature:
    """Give the signature as the file has it."""

    def spec(before: TensorSpec) -> TensorSpec:
        return msgspec.structs.replace(before, dtype="int32") if before.name in narrowed else before

    return Signature(inputs=tuple(map(spec, signature.inputs)), outputs=tuple(map(spec, signature.outputs)))


def out_of_range(tensor: ir.TensorProtocol) -> bool:
    """Whether an int64 constant holds numbers that int32 does not."""
    if tensor.dtype != ir.DataType.INT64:
        return False
    array = tensor.numpy()
    return bool(array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)))
