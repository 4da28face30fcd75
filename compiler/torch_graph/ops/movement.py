"""Operations that move elements, join and part tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...lowering.call import Call
from ...lowering.columns import places_in_image
from ...lowering.parts import equal_pieces
from ..builder import Builder
from ..lowering import Lowering
from .numbers import Number, numbers, remember, size_of
from .unsigned import by_bits, cooked, raw

if TYPE_CHECKING:
    from torch.fx import Node


def transpose(call: Call[Node], b: Builder) -> Node:
    """Transpose."""
    order = call.ints("perm") or [*reversed(range(call.rank()))]
    return b.call(torch.permute, call[0], order) if order != [*range(call.rank())] else call[0]


def concat(call: Call[Node], b: Builder) -> Node:
    """Concat."""
    dtype = call.dtype()
    parts = [raw(b, part, dtype) for part in call.all()]
    return remember(call, b, cooked(b, b.call(torch.cat, parts, call.axis(0)), dtype))


def split(call: Call[Node], b: Builder) -> Sequence[Node]:
    """Split: into given sizes, or into equal ones of which the last may be smaller."""
    axis, count = call.axis(0), len(call.node.outputs)
    size = size_of(call, b, 0, axis)
    if call.has(1):
        sizes: list[Number] = numbers(call, b, 1, "list of sizes")
    elif isinstance(size, int):
        sizes = [*equal_pieces(size, count)]
    else:
        parts = b.call(equal_parts, call[0], count, axis)
        return [b.item(parts, place) for place in range(count)]
    parts = b.call(torch.split, call[0], sizes, axis)
    return [b.item(parts, place) for place in range(count)]


def equal_parts(x: torch.Tensor, count: int, axis: int) -> list[torch.Tensor]:
    """Part an axis into `count` parts of one size, but for the last ones, which may be smaller."""
    part = (x.size(axis) + count - 1) // count
    lead = (slice(None),) * axis
    return [x[(*lead, slice(place * part, (place + 1) * part))] for place in range(count)]


def tile(call: Call[Node], b: Builder) -> Node:
    """Tile."""
    return by_bits(b, torch.Tensor.repeat, call.dtype(), call[0], repeats=numbers(call, b, 1, "list of repeats"))


def depth_to_space(call: Call[Node], b: Builder) -> Node:
    """DepthToSpace: channels in blocks of depth (DCR), or in columns of it (CRD), which is PyTorch's order."""
    block = call.integer("blocksize", 1)
    if call.text("mode", "DCR") == "CRD":
        return by_bits(b, torch.pixel_shuffle, call.dtype(), call[0], upscale_factor=block)
    return b.call(blocks_to_space, call[0], block)


def blocks_to_space(x: torch.Tensor, block: int) -> torch.Tensor:
    """Give x [N, block · block · C, H, W] as [N, C, H · block, W · block]."""
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, block, block, channels // (block * block), height, width)
    return parts.permute(0, 3, 4, 1, 5, 2).reshape(batch, -1, height * block, width * block)


def space_to_depth(call: Call[Node], b: Builder) -> Node:
    """SpaceToDepth: blocks first, or channels first (CRD)."""
    work = space_to_columns if call.text("mode", "DCR") == "CRD" else space_to_blocks
    return b.call(work, call[0], call.integer("blocksize", 1))


def space_to_blocks(x: torch.Tensor, block: int) -> torch.Tensor:
    """Give x [N, C, H, W] as [N, block · block · C, H / block, W / block]."""
    return _in_blocks(x, block).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)


def space_to_columns(x: torch.Tensor, block: int) -> torch.Tensor:
    """Give x [N, C, H, W] as [N, C · block · block, H / block, W / block]."""
    return _in_blocks(x, block).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


def _in_blocks(x: torch.Tensor, block: int) -> torch.Tensor:
    batch, channels, height, width = x.shape
    return x.reshape(batch, channels, height // block, block, width // block, block)


def reverse_sequence(call: Call[Node], b: Builder) -> Node:
    """ReverseSequence: the first elements of each row, as many as its length says."""
    time, batch = call.integer("time_axis", 0), call.integer("batch_axis", 1)
    dtype = call.dtype()
    return cooked(b, b.call(reversed_rows, raw(b, call[0], dtype), call[1], time, batch), dtype)


def reversed_rows(x: torch.Tensor, lengths: torch.Tensor, time: int, batch: int) -> torch.Tensor:
    """Turn round the first `lengths[n]` elements along `time` of each place n of `batch`, axes 0 and 1 in any order."""
    steps = torch.arange(x.size(time), device=x.device)
    steps = steps.reshape([-1 if axis == time else 1 for axis in range(x.dim())])
    ends = lengths.to(torch.int64).reshape([-1 if axis == batch else 1 for axis in range(x.dim())])
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    return torch.gather(x, time, places.expand(x.shape))


def col2im(call: Call[Node], b: Builder) -> Node:
    """Col2Im: every element of a column is added where it lies in the image."""
    x, sizes = call[0], call.shape()
    image = call.constant_ints(1, "size of the image") or []
    block = call.constant_ints(2, "size of the blocks") or []
    places = b.const(places_in_image(call, image, block), torch.int64)
    channels = sizes[1] // int(np.prod(block))
    return b.call(summed_at, x, places, [sizes[0], channels, *image])


def summed_at(x: torch.Tensor, places: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Sum the elements of x [N, C · taps, columns] at `places` of the image; one behind the last is for none."""
    flat = x.reshape(shape[0], shape[1], -1)
    count = int(np.prod(shape[2:]))
    total = torch.zeros([shape[0], shape[1], count + 1], dtype=x.dtype, device=x.device)
    return total.index_add(2, places, flat)[:, :, :count].reshape(list(shape))


LOWERINGS: dict[str, Lowering] = {
    "Col2Im": col2im,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "ReverseSequence": reverse_sequence,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Tile": tile,
    "Transpose": transpose,
}
