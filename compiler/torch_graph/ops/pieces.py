"""Small pieces that several lowerings write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import onnx_ir as ir
import torch
from torch.nn import functional

from ...lowering.call import Call
from ..builder import Builder

if TYPE_CHECKING:
    from torch.fx import Node


def stem_of(call: Call[Node]) -> str:
    """Give what a layer is named after: the node, or its operator where it has no name."""
    return call.node.name or call.op.lower()


def tensor_of(call: Call[Node], index: int) -> ir.TensorProtocol | None:
    """Give an input that is a constant of the hub, None for any other and for one that is not given."""
    given = call.inputs[index] if call.has(index) else None
    return given if isinstance(given, ir.TensorProtocol) else None


def sizes_of(tensor: ir.TensorProtocol) -> tuple[int, ...]:
    """Give the shape of a constant."""
    return tuple(tensor.numpy().shape)


def padded(b: Builder, x: Node, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Node:
    """Put a value before and behind the elements of the last axes, of which `pads` says how often; below 0 cuts."""
    if not any(any(pair) for pair in pads):
        return x
    flat = [size for pair in reversed(pads) for size in pair]  # PyTorch counts from the last axis
    return b.call(functional.pad, x, flat, "constant", value)


def plus_channels(b: Builder, y: Node, bias: Node, rank: int) -> Node:
    """Add a bias [C] to y [N, C, spatial…] of `rank` axes."""
    return b.call(torch.add, y, by_channel(b, bias, rank))


def by_channel(b: Builder, parameter: Node, rank: int) -> Node:
    """Give a parameter [C] in a shape that goes along axis 1 of `rank` axes."""
    return b.call(torch.reshape, parameter, (-1, *[1] * (rank - 2))) if rank > 2 else parameter
