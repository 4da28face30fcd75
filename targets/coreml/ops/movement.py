"""Operations that move elements, join and part tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....compiler.lowering.columns import columns_over
from ....compiler.lowering.parts import pieces_of
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var, type_name
from ..call import Call
from .lowering import Lowering
from .sizes import is_number, nothing, shaped


def transpose(call: Call, b: Builder) -> Var:
    """Transpose."""
    rank = call.rank()
    order = call.ints("perm") or [*reversed(range(rank))]
    return b.op("transpose", call[0], perm=order) if order != [*range(rank)] else call[0]


def concat(call: Call, b: Builder) -> Var:
    """Concat; what is empty along the axis is left out."""
    axis = call.axis(0)
    parts = [call[index] for index in range(len(call.inputs)) if not _is_empty(call.sizes(index)[axis])]
    if not parts:
        raise Refused("a tensor without elements: Core ML has none")
    return b.op("concat", values=parts, axis=axis) if len(parts) > 1 else parts[0]


def _is_empty(size: object) -> bool:
    return is_number(size) and size == 0


def split(call: Call, b: Builder) -> Sequence[Var]:
    """Split: into given sizes, or into equal ones of which the last may be smaller."""
    x, axis, sizes = call[0], call.axis(0), pieces_of(call)
    some = [each for each in sizes if each]
    pieces = iter(b.op("split", x, split_sizes=some, axis=axis) if len(some) > 1 else [x])
    return [next(pieces) if each else nothing(b, x, axis) for each in sizes]


def depth_to_space(call: Call, b: Builder) -> Var:
    """DepthToSpace: channels in blocks of depth (DCR) or in columns of it (CRD), which is PyTorch's order."""
    block = call.integer("blocksize", 1)
    if block == 1:
        return call[0]
    if call.text("mode", "DCR") == "CRD":
        return b.op("pixel_shuffle", call[0], upscale_factor=block)
    return b.op("depth_to_space", call[0], block_size=block)


def space_to_depth(call: Call, b: Builder) -> Var:
    """SpaceToDepth."""
    block = call.integer("blocksize", 1)
    return b.op("space_to_depth", call[0], block_size=block) if block > 1 else call[0]


def reverse_sequence(call: Call, b: Builder) -> Var:
    """ReverseSequence."""
    batch, time = call.integer("batch_axis", 1), call.integer("time_axis", 0)
    return b.op("reverse_sequence", call[0], call[1], seq_axis=time, batch_axis=batch)


def col2im(call: Call, b: Builder) -> Var:
    """Col2Im: every place of the image gathers the columns that lie over it, and adds them."""
    x, sizes = call[0], call.shape()
    image = call.constant_ints(1, "size of the image") or []
    block = call.constant_ints(2, "size of the blocks") or []
    places = columns_over(call, image, block)
    if type_name(x) not in ("fp16", "fp32"):
        raise Refused("its sums of integers may leave their dtype")
    taps = int(np.prod(block))
    channels, columns = sizes[1] // taps, sizes[2]
    flat = b.op("reshape", x, [sizes[0], channels, taps * columns])
    if (places == taps * columns).any():
        flat = b.op("pad", flat, pad=[0, 0, 0, 0, 0, 1])
    gathered = b.op("gather", flat, places.ravel(), axis=2)
    if len(places) > 1:
        gathered = b.op("reshape", gathered, [sizes[0], channels, *places.shape])
        gathered = b.op("reduce_sum", gathered, axes=[2], keep_dims=False)
    return shaped(b, gathered, [sizes[0], channels, *image])


LOWERINGS: dict[str, Lowering] = {
    "Col2Im": col2im,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "ReverseSequence": reverse_sequence,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Transpose": transpose,
}
