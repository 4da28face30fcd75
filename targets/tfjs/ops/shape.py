"""Operators that only say how the data lies."""

from __future__ import annotations

from ..builder import Builder
from ..call import Call
from ..graph import Tensor
from .lowering import Lowering


def reshape(call: Call, b: Builder) -> Tensor:
    """Give the elements in another shape; the same shape stands there so that an output is a tensor of its own."""
    if call.shape() == call.result_shape():
        return b.unary("Identity", call[0])
    return call.reshaped(0, call.result_shape())


def transpose(call: Call, b: Builder) -> Tensor:
    """Permute axes."""
    return b.transpose(call[0], call.constant_ints(1, "permutation"))


def depth_to_space(call: Call, b: Builder) -> Tensor:
    """Spread channels over blocks: [N, H, W, B · B · C] → [N, H · B, W · B, C]."""
    batch, height, width, channels = call.shape()
    block = call.integer("block_size", 1)
    apart = b.reshape(call[0], (batch, height, width, block, block, channels // block**2))
    return b.reshape(b.transpose(apart, (0, 1, 3, 2, 4, 5)), call.result_shape())


def space_to_depth(call: Call, b: Builder) -> Tensor:
    """Gather blocks into channels: [N, H · B, W · B, C] → [N, H, W, B · B · C]."""
    batch, height, width, channels = call.shape()
    block = call.integer("block_size", 1)
    apart = b.reshape(call[0], (batch, height // block, block, width // block, block, channels))
    return b.reshape(b.transpose(apart, (0, 1, 3, 2, 4, 5)), call.result_shape())


LOWERINGS: dict[str, Lowering] = {
    "DEPTH_TO_SPACE": depth_to_space,
    "RESHAPE": reshape,
    "SPACE_TO_DEPTH": space_to_depth,
    "TRANSPOSE": transpose,
}
