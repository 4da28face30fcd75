"""Shapes, what changes them without a move of an element, and what repeats elements."""

from __future__ import annotations

import math

import numpy as np

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax
from .pieces import reshaped, sizes_of


def reshape(call: Call[Expr], b: Builder) -> Expr:
    """Reshape, Flatten, Squeeze and Unsqueeze: the same elements in the shape of the result, which is known."""
    return reshaped(b, call[0], call.result_shape())


def shape(call: Call[Expr], b: Builder) -> Expr:
    """Shape, or a part of it."""
    sizes, rank = call.shape(), call.rank()
    return b.const(np.array(sizes[slice(call.integer("start", 0), call.integer("end", rank))], np.int64))


def size(call: Call[Expr], b: Builder) -> Expr:
    """Size: the number of elements, a scalar."""
    return b.const(np.array(math.prod(call.shape()), np.int64))


def identity(call: Call[Expr], b: Builder) -> Expr:  # noqa: ARG001 - a lowering's form
    """Identity: nothing is written."""
    return call[0]


def expand(call: Call[Expr], b: Builder) -> Expr:
    """Expand."""
    wanted = call.result_shape()
    return b.op(relax().op.broadcast_to, call[0], wanted) if wanted != sizes_of(call[0]) else call[0]


def tile(call: Call[Expr], b: Builder) -> Expr:
    """Tile."""
    sizes, wanted = call.shape(), call.result_shape()
    if sizes == wanted:
        return call[0]

    if 0 in wanted:
        return b.const(np.zeros(wanted, call.result_dtype().numpy()))
    times = [new // old for new, old in zip(wanted, sizes, strict=True)]
    return b.op(relax().op.tile, call[0], times)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), reshape),
    "Expand": expand,
    "Identity": identity,
    "Shape": shape,
    "Size": size,
    "Tile": tile,
}
