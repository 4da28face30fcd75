"""Operations that move elements, join and part tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.columns import columns_over
from ....compiler.lowering.parts import pieces_of
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax
from .elements import Element, either, whole
from .pieces import number, part, reshaped, sizes_of, transposed


def transpose(call: Call[Expr], b: Builder) -> Expr:
    """Transpose."""
    return transposed(b, call[0], call.ints("perm") or [*reversed(range(call.rank()))])


def concat(call: Call[Expr], b: Builder) -> Expr:
    """Concat; what has no elements is left out."""
    parts = [part for part in call.all() if 0 not in sizes_of(part)] or call.all()[:1]
    return b.op(relax().op.concat, parts, axis=call.axis(0)) if len(parts) > 1 else parts[0]


def split(call: Call[Expr], b: Builder) -> Sequence[Expr]:
    """Split: into given sizes, or into equal ones of which the last may be smaller."""
    x, axis, sizes = call[0], call.axis(0), pieces_of(call)
    ends = np.cumsum(sizes)
    return [part(b, x, axis, int(end) - each, int(end)) for each, end in zip(sizes, ends, strict=True)]


def depth_to_space(call: Call[Expr], b: Builder) -> Expr:
    """DepthToSpace: channels in blocks of depth (DCR) or in columns of it (CRD)."""
    block = call.integer("blocksize", 1)
    batch, channels, height, width = call.shape()
    left = channels // (block * block)
    if call.text("mode", "DCR") == "CRD":
        x = reshaped(b, call[0], (batch, left, block, block, height, width))
        x = transposed(b, x, [0, 1, 4, 2, 5, 3])
    else:
        x = reshaped(b, call[0], (batch, block, block, left, height, width))
        x = transposed(b, x, [0, 3, 4, 1, 5, 2])
    return reshaped(b, x, (batch, left, height * block, width * block))


def space_to_depth(call: Call[Expr], b: Builder) -> Expr:
    """SpaceToDepth."""
    block = call.integer("blocksize", 1)
    batch, channels, height, width = call.shape()
    x = reshaped(b, call[0], (batch, channels, height // block, block, width // block, block))
    x = transposed(b, x, [0, 3, 5, 1, 2, 4])
    return reshaped(b, x, (batch, channels * block * block, height // block, width // block))


def reverse_sequence(call: Call[Expr], b: Builder) -> Expr:
    """ReverseSequence: the first elements of each sample, as many as it says, in the opposite order."""
    batch, time = call.integer("batch_axis", 1), call.integer("time_axis", 0)

    def element(place: Sequence[Any], x: Any, lengths: Any) -> Element:
        at = place[time]
        length = lengths(place[batch])
        # A length beyond the axis must not be read for.
        turned = either(at < length, length - whole(1) - at, at) if sizes[time] > 1 else at
        inside = either(turned < whole(sizes[time]), turned, whole(sizes[time] - 1))
        return x(*(inside if axis == time else index for axis, index in enumerate(place)))

    sizes = call.shape()
    return b.each("reverse_sequence", sizes, element, call[0], b.op(relax().op.astype, call[1], "int64"))


def col2im(call: Call[Expr], b: Builder) -> Expr:
    """Col2Im: every place of the image gathers the columns that lie over it, and adds them."""
    x, sizes = call[0], call.shape()
    image = call.constant_ints(1, "size of the image") or []
    block = call.constant_ints(2, "size of the blocks") or []
    places = columns_over(call, image, block)
    taps = int(np.prod(block))
    channels, columns = sizes[1] // taps, sizes[2]
    flat = reshaped(b, x, (sizes[0], channels, taps * columns))
    zero = b.op(relax().op.broadcast_to, number(b, x, 0), (sizes[0], channels, 1))
    flat = b.op(relax().op.concat, [flat, zero], axis=2)
    gathered = b.op(relax().op.take, flat, b.const(places.ravel(), "int64"), axis=2)
    gathered = reshaped(b, gathered, (sizes[0], channels, *places.shape))
    return reshaped(b, b.op(relax().op.sum, gathered, axis=[2]), (sizes[0], channels, *image))


LOWERINGS: dict[str, Lowering] = {
    "Col2Im": col2im,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "ReverseSequence": reverse_sequence,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Transpose": transpose,
}
