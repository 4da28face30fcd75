"""Sums and products along an axis up to each element."""

from __future__ import annotations

from ..builder import Builder, Var, type_name
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import concatenated, part


def cumulative_sum(call: Call, b: Builder) -> Var:
    """CumSum along a constant axis."""
    return b.op(
        "cumsum",
        call[0],
        axis=_axis(call),
        exclusive=bool(call.integer("exclusive", 0)),
        reverse=bool(call.integer("reverse", 0)),
    )


def cumulative_product(call: Call, b: Builder) -> Var:
    """CumProd: each step multiplies by what lies twice as far before.

    Source: W. D. Hillis, G. L. Steele, "Data Parallel Algorithms" (1986).
    """
    x, axis = call[0], _axis(call)
    (size,) = fixed([x.shape[axis]])
    reverse = bool(call.integer("reverse", 0))
    if reverse:
        x = b.op("reverse", x, axes=[axis])
    if call.integer("exclusive", 0):
        x = _later(b, x, axis, 1)
    reach = 1
    while reach < size:
        x = b.op("mul", x, _later(b, x, axis, reach))
        reach *= 2
    return b.op("reverse", x, axes=[axis]) if reverse else x


def _later(b: Builder, x: Var, axis: int, places: int) -> Var:
    """Move the elements along an axis by some places; ones come before them."""
    left = int(x.shape[axis]) - places
    front = part(b, x, axis, 0, places)
    ones = b.op("add", b.op("mul", b.cast(b.op("equal", front, front), "int32"), 0), 1)
    ones = b.cast(ones, type_name(x))
    return concatenated(b, [ones, part(b, x, axis, 0, left)], axis) if left else ones


def _axis(call: Call) -> int:
    return int(call.constant(1, "axis").item()) % max(call.rank(), 1)


LOWERINGS: dict[str, Lowering] = {
    "CumProd": cumulative_product,
    "CumSum": cumulative_sum,
}
