"""Whether the types of a node's tensors are among those that a release supports for its operator."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from .releases import TYPES, Release


def type_restriction(node: ir.Node, release: Release, opset: int) -> str | None:
    """Why a node of a supported operator is not taken for its types; None when nothing stands against it.

    The published types are those of the data: what the operator's schema allows to be float32. Indices, shapes and
    conditions have types of their own, which need only be ones that TensorRT has.
    """
    for kind, values in (("input", node.inputs), ("output", node.outputs)):
        for index, value in enumerate(values):
            if value is None or value.name == "":
                continue
            if value.dtype not in TYPES:
                return f"its {kind} {index} is {_name(value.dtype)}, which TensorRT does not have"
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return None
    types = release.types_of(node.op_type) or ()
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    free = {
        constraint.type_param_str
        for constraint in schema.type_constraints
        if "tensor(float)" in constraint.allowed_type_strs
    }
    for kind, parameters, values in (("input", schema.inputs, node.inputs), ("output", schema.outputs, node.outputs)):
        for index, value in enumerate(values):
            if value is None or value.name == "" or value.dtype is None or not parameters:
                continue
            own = parameters[min(index, len(parameters) - 1)].type_str
            if own in free and _published(value.dtype, release) not in types:
                return f"its {kind} {index} is {value.dtype.name}; TensorRT has {node.op_type} for {', '.join(types)}"
    return None


def _published(dtype: ir.DataType, release: Release) -> str:
    name = TYPES[dtype]
    return "INT32" if name == "INT64" and not release.has_int64 else name


def _name(dtype: ir.DataType | None) -> str:
    return "of an unknown type" if dtype is None else dtype.name
