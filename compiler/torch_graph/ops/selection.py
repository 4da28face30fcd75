"""Elements chosen by conditions and by their order.

What NonZero, Compress, Unique and NonMaxSuppression give is as large as the data says. PyTorch computes it as the graph
runs; what needs all sizes before, as a file for a device does, cannot have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .numbers import number
from .unsigned import cooked, ordered, raw, unordered

if TYPE_CHECKING:
    from torch.fx import Node


def where(call: Call[Node], b: Builder) -> Node:
    """Where; all three operands broadcast."""
    dtype = call.dtype(1)
    return cooked(b, b.call(torch.where, call[0], raw(b, call[1], dtype), raw(b, call[2], dtype)), dtype)


def top_k(call: Call[Node], b: Builder) -> Sequence[Node]:
    """TopK: the largest or smallest along an axis in their order, the first of equals before the others."""
    axis, dtype = call.axis(-1), call.dtype()
    count = number(call, b, 1, "number k")
    x = ordered(b, call[0], dtype)
    largest = bool(call.integer("largest", 1))
    both = b.call(torch.sort, x, stable=True, dim=axis, descending=largest)
    values, places = (b.call(torch.narrow, b.item(both, index), axis, 0, count) for index in range(2))
    return unordered(b, values, dtype), places


def trilu(call: Call[Node], b: Builder) -> Node:
    """Trilu: the triangle above or below a diagonal, zeros elsewhere."""
    dtype, diagonal = call.dtype(), number(call, b, 1, "number k") if call.has(1) else 0
    work = torch.triu if call.integer("upper", 1) else torch.tril
    return cooked(b, b.call(work, raw(b, call[0], dtype), diagonal), dtype)


def non_zero(call: Call[Node], b: Builder) -> Node:
    """NonZero: the places of all that is not zero, int64[rank, count]."""
    return b.call(places_of, raw(b, call[0], call.dtype()))


def places_of(x: torch.Tensor) -> torch.Tensor:
    """Give the places of all that is not zero, int64[rank, count]."""
    return torch.nonzero(x).transpose(0, 1)


def compress(call: Call[Node], b: Builder) -> Node:
    """Compress: the slices along an axis where a condition holds, or the elements of all; it may end early."""
    dtype = call.dtype()
    x = raw(b, call[0], dtype)
    if call.node.attributes.get("axis") is None:
        return cooked(b, b.call(slices_where, b.call(torch.flatten, x), call[1], 0), dtype)
    return cooked(b, b.call(slices_where, x, call[1], call.axis(0)), dtype)


def slices_where(x: torch.Tensor, condition: torch.Tensor, axis: int) -> torch.Tensor:
    """Give the slices of x along an axis where a condition bool[≤ N] holds."""
    return x.index_select(axis, torch.nonzero(condition).flatten())


def unique(call: Call[Node], b: Builder) -> Sequence[Node]:
    """Unique: elements, or slices along an axis, in their order or in that of their first occurrence."""
    dtype = call.dtype()
    x, axis = ordered(b, call[0], dtype), 0
    if call.node.attributes.get("axis") is None:
        x = b.call(torch.flatten, x)
    else:
        axis = call.axis(0)
    found = b.call(different if call.integer("sorted", 1) else different_in_turn, x, axis)
    values, *others = (b.item(found, index) for index in range(4))
    return unordered(b, values, dtype), *others


Different = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Slices along an axis of which none equals another; for each the place where it first stood; for each place of the
axis which of them stood there; how often each did."""


def different(x: torch.Tensor, axis: int) -> Different:
    """Find the different slices along an axis, in their order."""
    values, inverse, counts = torch.unique(x, dim=axis, return_inverse=True, return_counts=True)
    places = torch.arange(x.size(axis), device=x.device)
    behind = torch.full_like(counts, x.size(axis))
    first = torch.scatter_reduce(behind, 0, inverse, places, "amin")
    return values, first, inverse, counts


def different_in_turn(x: torch.Tensor, axis: int) -> Different:
    """Find the different slices along an axis, in the order of their first occurrence."""
    values, first, inverse, counts = different(x, axis)
    first, turn = torch.sort(first)
    ranks = torch.empty_like(turn)
    ranks[turn] = torch.arange(turn.size(0), device=x.device)
    return values.index_select(axis, turn), first, ranks[inverse], counts[turn]


LOWERINGS: dict[str, Lowering] = {
    "Compress": compress,
    "NonZero": non_zero,
    "TopK": top_k,
    "Trilu": trilu,
    "Unique": unique,
    "Where": where,
}
