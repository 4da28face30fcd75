"""What a model is made of: parameters, multiplications, operators."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import onnx_ir as ir

from ..vocabulary.signature import Signature
from .model import Model
from .passes.editing import all_nodes


class NodeCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node and its multiply-accumulates; None where a shape that they follow from is not known."""

    node: str
    op: str
    macs: int | None


class Summary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `edgewright inspect` shows of a model.

    `macs` counts the multiply-accumulates of one call with every symbolic dimension as 1; `nodes` lists them for each
    node that multiplies. `macs_complete` is False when some node's could not be counted. `ops` maps operators (with
    their domain unless it is the default one) to how often they stand in the graph.
    """

    signature: Signature
    framework: str
    opset: int
    parameters: int
    parameter_bytes: int
    macs: int
    macs_complete: bool
    nodes: tuple[NodeCost, ...]
    ops: dict[str, int]


def summarize(model: Model) -> Summary:
    """Count what is in a model."""
    nodes = tuple(all_nodes(model.ir))
    costs = tuple(
        NodeCost(node=node.name or "", op=node.op_type, macs=macs_of(node))
        for node in nodes
        if node.domain == "" and node.op_type in _MACS
    )
    tensors = [value.const_value for graph in model.ir.graphs() for value in graph.initializers.values()]
    weights = [tensor for tensor in tensors if tensor is not None and tensor.dtype not in _INDEX_TYPES]
    names = Counter(f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in nodes)
    return Summary(
        signature=model.signature,
        framework=model.source.framework,
        opset=model.opset,
        parameters=sum(tensor.size for tensor in weights),
        parameter_bytes=sum(tensor.nbytes for tensor in weights),
        macs=sum(cost.macs for cost in costs if cost.macs is not None),
        macs_complete=all(cost.macs is not None for cost in costs),
        nodes=costs,
        ops=dict(sorted(names.items(), key=lambda item: (-item[1], item[0]))),
    )


def macs_of(node: ir.Node) -> int | None:
    """Give the multiply-accumulates of a node, symbolic dimensions as 1; None where they cannot be counted."""
    return _MACS[node.op_type](node) if node.domain == "" and node.op_type in _MACS else 0


_INDEX_TYPES: Final = frozenset({ir.DataType.INT64, ir.DataType.BOOL, ir.DataType.STRING})
"""Constants of these types are shapes, axes, masks and names, not parameters."""


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    shape = value.shape if value.const_value is None else value.const_value.shape
    if shape is None or any(isinstance(size, ir.SymbolicDim) and size.value is None for size in shape):
        return None
    return tuple(size if isinstance(size, int) else 1 for size in shape)


def _conv(node: ir.Node) -> int | None:
    weight, output = _sizes(node.inputs[1]), _sizes(node.outputs[0])
    return None if weight is None or output is None else math.prod(output) * math.prod(weight[1:])


def _quantized_conv(node: ir.Node) -> int | None:
    weight, output = _sizes(node.inputs[3]), _sizes(node.outputs[0])
    return None if weight is None or output is None else math.prod(output) * math.prod(weight[1:])


def _conv_transpose(node: ir.Node) -> int | None:
    source, weight = _sizes(node.inputs[0]), _sizes(node.inputs[1])
    return None if source is None or weight is None else math.prod(source) * math.prod(weight[1:])


def _mat_mul(node: ir.Node) -> int | None:
    left, output = _sizes(node.inputs[0]), _sizes(node.outputs[0])
    return None if left is None or output is None else math.prod(output) * left[-1]


def _gemm(node: ir.Node) -> int | None:
    left, output = _sizes(node.inputs[0]), _sizes(node.outputs[0])
    if left is None or output is None:
        return None
    return math.prod(output) * left[0 if node.attributes.get_int("transA", 0) else 1]


def _einsum(node: ir.Node) -> int | None:
    terms = node.attributes["equation"].as_string().replace(" ", "").partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, value in zip(terms, node.inputs, strict=True):
        shape = _sizes(value)
        if shape is None or len(shape) != len(term):  # an ellipsis, too, hides sizes
            return None
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return math.prod(sizes.values()) * max(1, len(terms) - 1)


def _recurrent(gates: int) -> Callable[[ir.Node], int | None]:
    def count(node: ir.Node) -> int | None:
        source, weight, recurrence = (_sizes(value) for value in node.inputs[:3])
        if source is None or weight is None or recurrence is None:
            return None
        directions, hidden = weight[0], recurrence[-1]
        return source[0] * source[1] * directions * gates * hidden * (weight[-1] + hidden)

    return count


_MACS: Final[Mapping[str, Callable[[ir.Node], int | None]]] = {
    "Conv": _conv,
    "ConvInteger": _conv,
    "QLinearConv": _quantized_conv,
    "ConvTranspose": _conv_transpose,
    "MatMul": _mat_mul,
    "MatMulInteger": _mat_mul,
    "QLinearMatMul": _mat_mul,
    "Gemm": _gemm,
    "Einsum": _einsum,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
}
