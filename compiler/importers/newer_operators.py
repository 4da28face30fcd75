"""Operators that came, or learnt more, since the newest opset that is known here, in terms of those that are known.

One that came, and that ONNX defines by a body of others, is replaced by it. One that learnt more is what it was, where
it is used as before.

Source: the schemas and texts of onnx 1.23 (opset 28) beside those of opset 26. What is not listed changed its meaning,
or was never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import onnx
import onnx.inliner
import onnx.shape_inference
import onnx_ir as ir

from ..passes.editing import constant_array

Same = Callable[[ir.Node], bool]


_DOMAIN = "edgewright.newer"


def expand_newer(model: onnx.ModelProto, known: int) -> onnx.ModelProto:
    """Put the bodies that ONNX defines in the place of operators that came after opset `known`.

    Gives the model itself when it has none. An operator whose body cannot be made, since a dtype is not known, stays.
    """
    version = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=known)
    if version <= known or not any(_came(node, version, known) for node in model.graph.node):
        return model
    expanded = onnx.shape_inference.infer_shapes(model)
    types = _types(expanded.graph)
    for index, node in enumerate(expanded.graph.node):
        body = _body(node, version, types) if _came(node, version, known) else None
        if body is not None:
            body.domain, body.name = _DOMAIN, f"{node.op_type}_{index}"
            expanded.functions.append(body)
            node.domain, node.op_type = body.domain, body.name
    expanded.opset_import.append(onnx.helper.make_opsetid(_DOMAIN, 1))
    return onnx.inliner.inline_local_functions(expanded)


def _came(node: onnx.NodeProto, version: int, known: int) -> bool:
    return node.domain == "" and onnx.defs.has(node.op_type, version, "") and not onnx.defs.has(node.op_type, known, "")


def _body(node: onnx.NodeProto, version: int, types: Mapping[str, onnx.TypeProto]) -> onnx.FunctionProto | None:
    """Give the body of one node's operator; None when it has none, or the type of an input is not known."""
    schema: Any = onnx.defs.get_schema(node.op_type, version, "")  # its stubs lack what follows
    if any(name and name not in types for name in node.input):
        return None
    body = onnx.FunctionProto()
    if schema.has_context_dependent_function:
        given = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        body.ParseFromString(schema.get_context_dependent_function(node.SerializeToString(), given))
    elif schema.has_function:
        body.CopyFrom(schema.function_body)
    else:
        return None
    return body


def _types(graph: onnx.GraphProto) -> dict[str, onnx.TypeProto]:
    known = {value.name: value.type for value in (*graph.input, *graph.value_info, *graph.output)}
    constants = {
        tensor.name: onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims) for tensor in graph.initializer
    }
    return {**constants, **known}


def lower_version(node: ir.Node, version: int, known: int) -> bool:
    """Make a node of opset `version` one of opset `known`, if it means the same there; else leave it, and give False.

    Dtypes that are not known count as ones that the older version does not take.
    """
    newer = onnx.defs.get_schema(node.op_type, version, "")
    same = _SAME.get((node.op_type, newer.since_version))
    if same is None or not same(node):
        return False
    older = onnx.defs.get_schema(node.op_type, known, "")
    added = [name for name in node.attributes if name not in older.attributes]
    if any(not _is_default(node.attributes[name], newer) for name in added):
        return False
    if not (_takes(older, older.inputs, node.inputs) and _takes(older, older.outputs, node.outputs)):
        return False
    for name in added:
        node.attributes.pop(name)
    return True


def _takes(
    schema: onnx.defs.OpSchema,
    parameters: Sequence[onnx.defs.OpSchema.FormalParameter],
    values: Sequence[ir.Value | None],
) -> bool:
    """Whether a schema takes values of these dtypes; the last parameter may stand for many."""
    allowed = {constraint.type_param_str: set(constraint.allowed_type_strs) for constraint in schema.type_constraints}
    for index, value in enumerate(values):
        if value is None or not value.name:
            continue
        parameter = parameters[min(index, len(parameters) - 1)]
        types = allowed.get(parameter.type_str, {parameter.type_str})
        if value.dtype is None or f"tensor({value.dtype.name.lower()})" not in types:
            return False
    return True


def _is_default(attribute: ir.Attr, schema: onnx.defs.OpSchema) -> bool:
    default = schema.attributes[attribute.name].default_value
    return ir.to_proto(attribute) == onnx.helper.make_attribute(
        attribute.name, onnx.helper.get_attribute_value(default)
    )


def _always(_node: ir.Node) -> bool:
    return True


def _mod(node: ir.Node) -> bool:
    """Of integers by the floor and of floats by C's fmod; that floats go by the floor is new."""
    attribute, values = node.attributes.get("fmod"), node.inputs[0]
    is_fmod = attribute is not None and attribute.as_int() != 0
    return values is not None and values.dtype is not None and (is_fmod or values.dtype.is_integer())


def _bit_shift(node: ir.Node) -> bool:
    """By less than there are bits; what a longer shift gives was not said."""
    by = constant_array(node.inputs[1])
    return by is not None and bool((by < 8 * by.dtype.itemsize).all())


_SAME: Final[Mapping[tuple[str, int], Same]] = {
    ("BitShift", 28): _bit_shift,
    ("Mod", 28): _mod,
    **dict.fromkeys(
        [
            ("Cast", 28),
            ("Celu", 28),
            ("Compress", 28),
            ("DepthToSpace", 28),
            ("DequantizeLinear", 28),
            ("Einsum", 28),
            ("OneHot", 28),
            ("QuantizeLinear", 28),
            ("Range", 27),
            ("ReduceLogSum", 28),
            ("ReduceLogSumExp", 28),
            ("ReverseSequence", 28),
            ("SpaceToDepth", 28),
            ("Unique", 28),
        ],
        _always,
    ),
}
"""Operator and the opset of its newer version → whether a node of it, of dtypes and attributes known before, means the
same. To those of `_always` came element types (bfloat16, float16, float6, double), or an attribute whose default is the
old behaviour."""
