"""The shapes behind a refused node, so that the walk can judge the nodes after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ..dialect import constant_of, dtype_of, make_value, shape_of


def infer_outputs(
    node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]
) -> list[ir.Value | None]:
    """Give stand-ins for a node's outputs with their shapes and dtypes, None where ONNX cannot tell them."""
    unknown: list[ir.Value | None] = [None] * len(node.outputs)
    if any(value is not None and known is None for value, known in zip(node.inputs, operands, strict=True)):
        return unknown
    import onnx

    types, data = {}, {}
    for hub, value in zip(node.inputs, operands, strict=True):
        if hub is None or value is None:
            continue
        types[str(hub.name)] = onnx.helper.make_tensor_type_proto(int(dtype_of(value)), shape_of(value))
        array = constant_of(value)
        if array is not None and array.size < 1000:
            data[str(hub.name)] = onnx.numpy_helper.from_array(np.asarray(array))
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets[node.domain], node.domain)
        inferred = onnx.shape_inference.infer_node_outputs(
            schema, ir.to_proto(node), types, data, None, [onnx.helper.make_opsetid(*pair) for pair in opsets.items()]
        )
    except (onnx.defs.SchemaError, onnx.shape_inference.InferenceError, KeyError):
        return unknown
    return [_stand_in(inferred.get(str(value.name)), value.name) for value in node.outputs]


def _stand_in(found: object, name: str | None) -> ir.Value | None:
    import onnx

    if not isinstance(found, onnx.TypeProto) or not found.HasField("tensor_type"):
        return None
    tensor = found.tensor_type
    if not tensor.HasField("shape") or not all(size.HasField("dim_value") for size in tensor.shape.dim):
        return None
    return make_value(name, tuple(size.dim_value for size in tensor.shape.dim), ir.DataType(tensor.elem_type))
