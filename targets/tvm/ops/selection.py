"""Choices among elements: by place, by rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of, extents
from ..lowering import Lowering
from ..toolkit import te, tirx
from .elements import Element, either, whole
from .pieces import is_float, moved, reshaped, sizes_of, widened


def compress(call: Call[Expr], b: Builder) -> Expr:
    """Compress, by a constant mask; what the mask is too short for goes."""
    places = np.flatnonzero(call.constant(1, "condition"))
    x, axis = call[0], 0
    if "axis" in call.node.attributes:
        axis = call.axis(0)
    else:
        x = reshaped(b, x, (int(np.prod(call.shape())),))
    sizes = sizes_of(x)
    if len(places) and places[-1] >= sizes[axis]:
        raise Refused(f"its mask keeps element {places[-1]} of an axis of {sizes[axis]}")
    kept = (*sizes[:axis], len(places), *sizes[axis + 1 :])
    if 0 in kept:
        return b.const(np.zeros(kept, call.result_dtype().numpy()))

    def element(place: Sequence[Any], data: Any, chosen: Any) -> Element:
        return data(*place[:axis], chosen(place[axis]), *place[axis + 1 :])

    return b.each("compress", kept, element, x, b.const(places, "int64"))


def trilu(call: Call[Expr], b: Builder) -> Expr:
    """Trilu: the part of matrices on one side of a diagonal, zeros on the other."""
    upper, shape = bool(call.integer("upper", 1)), call.shape()
    zero = tirx().const(0, dtype_of(call[0]))
    shift = call[1] if call.has(1) else b.const(np.zeros((), np.int64))

    def element(place: Sequence[Any], x: Any, k: Any) -> Element:
        beyond = place[-1] - place[-2] - k(*[whole(0)] * len(k.shape))
        return either(beyond >= whole(0) if upper else beyond <= whole(0), x(*place), zero)

    return b.each("trilu", shape, element, call[0], shift) if 0 not in shape else call[0]


def top_k(call: Call[Expr], b: Builder) -> tuple[Expr, Expr]:
    """TopK: every element is given its rank, by counting those before it; among equal ones the lower index is first.

    NaN counts as the largest number. TVM's own sorts by a function of a library that devices need not have.
    """
    axis, count = call.axis(-1), int(call.constant(1, "k").item())
    x = moved(b, call[0], axis, call.rank() - 1)
    shape = sizes_of(x)
    if not count or 0 in shape:
        empty = call.result_shape()
        return b.const(np.zeros(empty, call.dtype().numpy())), b.const(np.zeros(empty, np.int64))
    if count > shape[-1]:
        raise Refused(f"its k is {count}, of an axis of {shape[-1]}")
    ranks = _ranks(b, widened(b, x), bool(call.integer("largest", 1)))
    places = _places_of_ranks(b, ranks, count)

    def element(place: Sequence[Any], values: Any, chosen: Any) -> Element:
        return values(*place[:-1], chosen(*place))

    values = b.each("top_k", (*shape[:-1], count), element, x, places)
    last = call.rank() - 1
    return moved(b, values, last, axis), moved(b, places, last, axis)


def _ranks(b: Builder, x: Expr, largest: bool) -> Expr:
    """Give how many elements of the last axis come before each, int32."""
    shape, reals = sizes_of(x), is_float(x)

    def before(one: Element, other: Element) -> Element:
        more = one > other if largest else one < other
        if not reals:
            return more
        nan, number = (one, other) if largest else (other, one)
        return tirx().any(more, tirx().all(tirx().isnan(nan), tirx().Not(tirx().isnan(number))))

    def compute(values: Any) -> Any:
        over = te().reduce_axis((whole(0), whole(shape[-1])), name="over")

        def one(*place: Any) -> Element:
            mine, other = values(*place), values(*place[:-1], over.var)
            # Neither before the other: they are equal, or NaN both.
            same = tirx().Not(tirx().any(before(mine, other), before(other, mine)))
            first = tirx().any(before(other, mine), tirx().all(same, over.var < place[-1]))
            return te().sum(either(first, whole(1, "int32"), whole(0, "int32")), axis=[over])

        return te().compute(extents(shape), one, name="rank")

    return b.te(compute, x)


def _places_of_ranks(b: Builder, ranks: Expr, count: int) -> Expr:
    """Give where each of the first ranks stands, int64."""
    shape = sizes_of(ranks)

    def compute(rank: Any) -> Any:
        over = te().reduce_axis((whole(0), whole(shape[-1])), name="over")

        def one(*place: Any) -> Element:
            hit = rank(*place[:-1], over.var) == place[-1].astype("int32")
            return te().sum(either(hit, over.var, whole(0)), axis=[over])

        return te().compute(extents((*shape[:-1], count)), one, name="place")

    return b.te(compute, ranks)


def data_dependent(call: Call[Expr], b: Builder) -> Expr:  # noqa: ARG001 - a lowering's form
    """NonMaxSuppression, NonZero, Unique: refused."""
    raise Refused(f"how much {call.op} gives depends on the data, and all shapes of this target are fixed")


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(("NonMaxSuppression", "NonZero", "Unique"), data_dependent),
    "Compress": compress,
    "TopK": top_k,
    "Trilu": trilu,
}
