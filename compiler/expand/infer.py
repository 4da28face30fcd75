"""Types of what a node gives, by ONNX's own inference for its operator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
import onnx_ir as ir

from ..passes.editing import keep_known, static_shape

_MOST_ELEMENTS: Final = 1000
"""Constants above this never say a shape; the inference does not get to see them."""


def infer_outputs(node: ir.Node, opsets: Mapping[str, int]) -> None:
    """Complete the types and shapes of a node's outputs where they are not known in full.

    Names of dimensions that the inference makes up are left out.
    """
    if all(value.dtype is not None and static_shape(value) is not None for value in node.outputs if value.name):
        return
    symbols = {size for value in node.inputs if value is not None for size in value.shape or ()}
    for value, found in zip(node.outputs, inferred_types(node, node.inputs, opsets), strict=True):
        if found is not None:
            sizes = None if found.shape is None else [_kept(size, symbols) for size in found.shape]
            shape = None if sizes is None else ir.Shape(sizes)
            keep_known(value, ir.Value(type=found.type, shape=shape))


def _kept(size: int | ir.SymbolicDim, symbols: Collection[int | ir.SymbolicDim]) -> int | ir.SymbolicDim | None:
    return size if isinstance(size, int) or size in symbols else None


def inferred_types(
    node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]
) -> list[ir.TypeAndShape | None]:
    """Give type and shape of each output of a node for operands of these types; None where ONNX cannot tell them.

    `operands` stand for the node's inputs, None for one that is not given; those that hold small tensors are taken as
    constants (the axes of a reduction, the shape of a Reshape).
    """
    unknown: list[ir.TypeAndShape | None] = [None] * len(node.outputs)
    types, data = {}, {}
    for hub, value in zip(node.inputs, operands, strict=True):
        if hub is None or value is None:
            continue
        if not isinstance(value.type, ir.TensorType):
            return unknown  # not known itself, or a sequence
        types[str(hub.name)] = type_proto(value)
        tensor = None if value.producer() is not None or value.is_graph_input() else value.const_value
        if tensor is not None and tensor.size < _MOST_ELEMENTS and tensor.dtype != ir.DataType.STRING:
            data[str(hub.name)] = onnx.numpy_helper.from_array(np.asarray(tensor.numpy()))
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets[node.domain], node.domain)
        inferred = onnx.shape_inference.infer_node_outputs(
            schema, ir.to_proto(node), types, data, None, [onnx.helper.make_opsetid(*pair) for pair in opsets.items()]
        )
    except (onnx.defs.SchemaError, onnx.shape_inference.InferenceError, KeyError):
        return unknown
    return [_read(inferred.get(str(value.name))) for value in node.outputs]


def type_proto(value: ir.Value) -> onnx.TypeProto:
    """Give what is known of the type of a tensor, in ONNX's words."""
    assert value.dtype is not None, value
    shape = None if value.shape is None else [_size(size) for size in value.shape]
    return onnx.helper.make_tensor_type_proto(int(value.dtype), shape)


def _size(size: int | ir.SymbolicDim) -> int | str | None:
    return size if isinstance(size, int) else size.value


def _read(found: Any) -> ir.TypeAndShape | None:
    if not isinstance(found, onnx.TypeProto) or not found.HasField("tensor_type"):
        return None
    tensor = found.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = ir.Shape(
            [size.dim_value if size.HasField("dim_value") else size.dim_param or None for size in tensor.shape.dim]
        )
    return ir.TypeAndShape(ir.TensorType(ir.DataType(tensor.elem_type)), shape)
