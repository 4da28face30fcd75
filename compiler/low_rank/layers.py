"""The layers of a model that factors can stand for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx_ir as ir

from ..inspect import macs_of
from ..passes.editing import Array, constant_tensor, static_shape
from ..passes.fix_dimensions import with_every_symbol_at_one
from ..quantize.linear import LinearLayer, linear_layer
from .ranks import Size

_MULTIPLY: Final = frozenset({"Conv", "ConvTranspose", "Einsum", "GRU", "Gemm", "LSTM", "MatMul", "RNN"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """The nodes that multiply by one weight in one way; `size` is of all of them together."""

    nodes: tuple[ir.Node, ...]
    linear: LinearLayer
    """The first of them."""
    size: Size

    @property
    def name(self) -> str:
        """The names of its nodes."""
        return ", ".join(node.name or "" for node in self.nodes)

    def weights(self) -> Array:
        """Give the weights as float64[outputs, inputs, positions of the kernel]."""
        weights: Array = self.linear.matrix()[0]
        return weights

    def stored(self, weights: Array) -> Array:
        """Give weights float64[outputs, inputs, positions] as float32 in the order in which this layer has its own.

        One position is a kernel of one, whatever that of the layer.
        """
        outputs, inputs, positions = weights.shape
        order = self.linear.order
        if self.linear.node.op_type == "Conv":
            kernel = order.shape[2:] if positions > 1 else (1,) * (len(order.shape) - 2)
            ordered = weights.reshape(outputs, inputs, *kernel)
        else:
            ordered = weights[:, :, 0].T if order.transposed else weights[:, :, 0]
        return np.ascontiguousarray(ordered, np.float32)


def find(model: ir.Model, only: Collection[str]) -> tuple[tuple[Layer, ...], Mapping[str, str]]:
    """Give the layers, in the order of the graph, and why other nodes that multiply by constants are left alone.

    `only` names the nodes that are asked for; none means all.
    """
    found: dict[object, list[tuple[ir.Node, LinearLayer, Size]]] = {}
    reasons: dict[str, str] = {}
    for node, sized in zip(model.graph, with_every_symbol_at_one(model).graph, strict=True):
        if not _multiplies(node) or (only and node.name not in only):
            continue
        layer = linear_layer(node)
        size = _cannot(node) if layer is None else _size(layer, sized)
        if isinstance(size, str):
            reasons[node.name or ""] = size
        elif layer is not None:
            key = (layer.weight, node.op_type, layer.order)
            found.setdefault(key, []).append((node, layer, size))
    layers = tuple(
        Layer(nodes=tuple(node for node, _, _ in same), linear=same[0][1], size=_together([size for *_, size in same]))
        for same in found.values()
    )
    return layers, reasons


def _multiplies(node: ir.Node) -> bool:
    if node.domain != "" or node.op_type not in _MULTIPLY:
        return False
    return any(tensor is not None and tensor.dtype.is_floating_point() for tensor in _constants(node))


def _constants(node: ir.Node) -> Iterator[ir.TensorProtocol | None]:
    return (constant_tensor(value) for value in node.inputs[:2])


def _cannot(node: ir.Node) -> str:
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        return f"{node.op_type} is not factored; Conv, Gemm and MatMul are"
    if node.op_type == "Gemm" and node.attributes.get_int("transA", 0) != 0:
        return "it is multiplied transposed (transA)"
    return "its weights are no float32 constants on the right"


def _size(layer: LinearLayer, sized: ir.Node) -> Size | str:
    order = layer.order
    if order.groups > 1:
        return f"it works in {order.groups} groups"
    if not np.isfinite(layer.matrix()).all():
        return "its weights are not all finite"
    positions = math.prod(order.shape) // (order.outputs * order.inputs)
    macs, image = macs_of(sized), static_shape(sized.inputs[0])
    if not macs or image is None:
        return "its multiply-accumulates cannot be counted"
    return Size(
        outputs=order.outputs,
        inputs=order.inputs,
        positions=positions,
        places_in=math.prod(image) // order.inputs,
        places_out=macs // (order.outputs * order.inputs * positions),
    )


def _together(sizes: list[Size]) -> Size:
    first = sizes[0]
    return Size(
        outputs=first.outputs,
        inputs=first.inputs,
        positions=first.positions,
        places_in=sum(size.places_in for size in sizes),
        places_out=sum(size.places_out for size in sizes),
    )
