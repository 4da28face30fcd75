"""Sums and products that run along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import tirx
from .elements import Element, either, whole
from .pieces import cast, sizes_of, widened
from .wrapping import wrapped


def scan(call: Call[Expr], b: Builder) -> Expr:
    """CumSum and CumProd: each step joins what lies twice as far before, so no step waits for its neighbour.

    Source: W. D. Hillis, G. L. Steele, "Data Parallel Algorithms" (1986).
    """
    operation = "add" if call.op == "CumSum" else "multiply"
    x, shape = widened(b, call[0]), call.shape()
    axis = int(call.constant(1, "axis").item()) % call.rank() if call.rank() > 1 else 0
    size = shape[axis] if shape else 1
    towards = 1 if call.integer("reverse", 0) else -1
    if call.integer("exclusive", 0):
        x = _with_neighbour(b, x, axis, towards, 1, lambda _, other: other, operation)
    reach = 1
    while reach < size:
        x = _with_neighbour(b, x, axis, towards, reach, partial(_join, operation), operation)
        reach *= 2
    return cast(b, x, dtype_of(call[0]))


def _join(operation: str, one: Element, other: Element) -> Element:
    if "int" in str(one.ty.dtype):
        return wrapped(operation, one, other)
    return one + other if operation == "add" else one * other


def _with_neighbour(
    b: Builder,
    x: Expr,
    axis: int,
    towards: int,
    reach: int,
    join: Callable[[Element, Element], Element],
    operation: str,
) -> Expr:
    """Join each element with that which lies `reach` before (−1) or behind (1); beyond the ends nothing changes."""
    sizes, dtype = sizes_of(x), dtype_of(x)
    if not sizes:
        return x
    neutral = tirx().const(0 if operation == "add" else 1, dtype)

    def element(place: Sequence[Any], values: Any) -> Element:
        other = place[axis] + whole(towards * reach)
        there = tirx().all(other >= whole(0), other < whole(sizes[axis]))
        near = tirx().max(tirx().min(other, whole(sizes[axis] - 1)), whole(0))
        beside = values(*place[:axis], near, *place[axis + 1 :])
        return join(values(*place), either(there, beside, neutral))

    # Each step reads two elements of the one before: fused, they would be computed anew for every step behind.
    return b.apart("scan", sizes, element, x)


LOWERINGS: dict[str, Lowering] = {"CumProd": scan, "CumSum": scan}
