"""The digest of what a graph computes: its structure and its weights, and nothing that is only written beside them."""

from __future__ import annotations

import onnx_ir as ir

from ..vocabulary.digest import Plain, digest_bytes, digest_value
from .model import Model


def graph_digest(model: Model) -> str:
    """Digest the operators with their attributes, the names of tensors that they pass on, inputs, outputs and weights.

    Names of nodes, metadata, producer, documentation and the shapes of inner tensors do not count.
    """
    opsets = {domain or "ai.onnx": version for domain, version in model.ir.opset_imports.items()}
    return digest_value(
        {
            "opsets": opsets,
            "graph": _graph(model.graph),
            "functions": [_nodes(function) for function in model.ir.functions.values()],
        }
    )


def _graph(graph: ir.Graph) -> Plain:
    weights = {name: _tensor(value.const_value) for name, value in graph.initializers.items()}
    return {
        "inputs": [[value.name, str(value.type), str(value.shape)] for value in graph.inputs],
        "outputs": [value.name for value in graph.outputs],
        "weights": weights,
        "nodes": _nodes(graph),
    }


def _nodes(graph: ir.Graph | ir.Function) -> Plain:
    return [
        {
            "op": [node.domain, node.op_type, node.overload],
            "inputs": [None if value is None else value.name for value in node.inputs],
            "outputs": [value.name for value in node.outputs],
            "attributes": {name: _attribute(attribute) for name, attribute in node.attributes.items()},
        }
        for node in graph
    ]


def _attribute(attribute: ir.Attr) -> Plain:
    if attribute.ref_attr_name is not None:
        return ["reference", attribute.ref_attr_name]
    value = attribute.value
    kind = attribute.type.name
    if attribute.type == ir.AttributeType.GRAPH:
        return [kind, _graph(value)]
    if attribute.type == ir.AttributeType.GRAPHS:
        return [kind, [_graph(graph) for graph in value]]
    if attribute.type == ir.AttributeType.TENSOR:
        return [kind, _tensor(value)]
    if attribute.type == ir.AttributeType.TENSORS:
        return [kind, [_tensor(tensor) for tensor in value]]
    return [kind, repr(value)]  # a float's repr is exact, and NaN has one


def _tensor(tensor: ir.TensorProtocol | None) -> Plain:
    if tensor is None:
        return None
    if isinstance(tensor, ir.StringTensor) or tensor.dtype == ir.DataType.STRING:
        return ["STRING", list(map(str, tensor.shape)), [repr(text) for text in tensor.numpy().reshape(-1).tolist()]]
    return [tensor.dtype.name, list(map(str, tensor.shape)), digest_bytes(tensor.tobytes())]
