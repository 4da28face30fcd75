"""Operators that ONNX itself defines by others: the body of their function stands in for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from ..dialect import dtype_of, shape_of

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A graph that does what a node does, in the operator sets `opsets`.

    `graph.inputs` are the node's inputs that are given, in order; `graph.outputs` are the node's outputs.
    """

    graph: ir.Graph
    opsets: Mapping[str, int]


def definition_of(node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]) -> Definition | None:
    """Give the ONNX definition of a node for operands of these types, None when there is none."""
    import onnx

    try:
        schema: Any = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
    except onnx.defs.SchemaError:
        return None
    proto = ir.to_proto(node)
    opset = opsets.get(node.domain, 1)
    if schema.has_context_dependent_function:
        since = _newest(schema.context_dependent_function_opset_versions, opset)
        types = [_type_of(value) for value in operands]
        body = schema.get_context_dependent_function_with_opset_version(since, proto.SerializeToString(), types)
    elif schema.has_function:
        body = schema.get_function_with_opset_version(_newest(schema.function_opset_versions, opset))
    else:
        return None
    function = onnx.FunctionProto.FromString(body)
    given = {name: attribute.default_value for name, attribute in schema.attributes.items()}
    given |= {attribute.name: attribute for attribute in proto.attribute}
    absent = {name for name, value in zip(function.input, operands, strict=False) if value is None}
    absent |= set(function.input[len(operands) :])
    graph = onnx.GraphProto(name=node.op_type)
    graph.node.extend(_bound(inner, given, absent) for inner in function.node)
    graph.input.extend(onnx.ValueInfoProto(name=name) for name in function.input if name not in absent)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in function.output)
    versions = {entry.domain: entry.version for entry in function.opset_import}
    return Definition(graph=ir.serde.deserialize_graph(graph), opsets={**opsets, **versions})


def _newest(versions: Sequence[int], opset: int) -> int:
    return max((version for version in versions if version <= opset), default=min(versions))


def _type_of(value: ir.Value | None) -> bytes:
    import onnx

    if value is None:
        return b""
    return bytes(onnx.helper.make_tensor_type_proto(int(dtype_of(value)), shape_of(value)).SerializeToString())


def _bound(inner: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto], absent: set[str]) -> onnx.NodeProto:
    """Give a node of the body with the attributes that it refers to, and without inputs that are not given."""
    import onnx

    node = onnx.NodeProto()
    node.CopyFrom(inner)
    node.input[:] = ["" if name in absent else name for name in inner.input]
    del node.attribute[:]
    for attribute in inner.attribute:
        bound = onnx.AttributeProto()
        bound.CopyFrom(attribute)
        if attribute.ref_attr_name:
            value = given.get(attribute.ref_attr_name)
            if value is None or value.type == onnx.AttributeProto.UNDEFINED:
                continue
            bound.CopyFrom(value)
            bound.name = attribute.name
        elif attribute.type == onnx.AttributeProto.GRAPH:
            inside = [_bound(entry, given, absent) for entry in attribute.g.node]
            del bound.g.node[:]
            bound.g.node.extend(inside)
        node.attribute.append(bound)
    return node
