"""Operators that ONNX itself defines by others: the body of their function stands in for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import onnx
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from ..importers.opset import raise_nodes
from .infer import type_proto
from .left import Left

_IR_VERSION: Final = 10
"""A model must have one; nothing is written out in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A graph that does what a node does, in the operator sets `opsets`.

    `graph.inputs` are the node's inputs that are given, in order; `graph.outputs` are those of the node's outputs, at
    `places` among them, that the definition gives for these operands.
    """

    graph: ir.Graph
    opsets: Mapping[str, int]
    places: Sequence[int]

    def placed(self, results: Sequence[ir.Value | None]) -> list[ir.Value | None]:
        """Give what stands for all of the node's outputs, None for one that is not given."""
        by_place = dict(zip(self.places, results, strict=True))
        return [by_place.get(place) for place in range(max(self.places, default=-1) + 1)]


def definition_of(node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]) -> Definition | None:
    """Give the ONNX definition of a node for operands of these types and shapes, None when there is none.

    `operands` stand for the node's inputs, None for one that is not given.
    """
    try:
        schema: Any = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
    except onnx.defs.SchemaError:
        return None
    proto = ir.to_proto(node)
    opset = opsets.get(node.domain, 1)
    if schema.has_context_dependent_function:
        if any(value is not None and value.dtype is None for value in operands):
            return None  # it depends on what is not known
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
    made = {name for inner in graph.node for name in inner.output}
    places = [place for place, name in enumerate(function.output) if name in made]
    graph.output.extend(onnx.ValueInfoProto(name=function.output[place]) for place in places)
    versions = {entry.domain: entry.version for entry in function.opset_import}
    return Definition(graph=ir.serde.deserialize_graph(graph), opsets={**opsets, **versions}, places=places)


def _newest(versions: Sequence[int], opset: int) -> int:
    return max((version for version in versions if version <= opset), default=min(versions))


def _type_of(value: ir.Value | None) -> bytes:
    return b"" if value is None else bytes(type_proto(value).SerializeToString())


def _bound(inner: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto], absent: set[str]) -> onnx.NodeProto:
    """Give a node of the body with the attributes that it refers to, and without inputs that are not given."""
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


def raised(definition: Definition, opsets: Mapping[str, int]) -> ir.Graph:
    """Give the graph of a definition in the operator sets of a model.

    Raises:
        Left: when the definition is written in a later version than the model, or its nodes have no equals in it.
    """
    for domain, version in definition.opsets.items():
        if domain and opsets.get(domain) != version:
            raise Left(f"its definition is written in version {version} of {domain}")
    version, wanted = definition.opsets[""], opsets[""]
    if version > wanted:
        raise Left(f"its definition is written in opset {version}, the model in {wanted}")
    model = ir.Model(definition.graph, ir_version=_IR_VERSION)
    try:
        raise_nodes(model, version, wanted)
    except ModelError as error:
        raise Left(f"its definition is written in opset {version}: {error}") from error
    return model.graph
