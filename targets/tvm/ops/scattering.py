"""Scatters: elements or slices written, or joined, at places that are said by indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax
from .elements import Element, either, whole
from .indexing import from_the_front
from .pieces import cast, widened

_REDUCTIONS: Final = {"none": "update", "add": "add", "mul": "mul", "max": "max", "min": "min"}
"""ONNX's word → TVM's."""


def scatter_elements(call: Call[Expr], b: Builder) -> Expr:
    """ScatterElements and Scatter."""
    axis = call.axis(0)
    indices = from_the_front(b, call, 1, [axis])
    if 0 in call.shape(1):
        return call[0]
    x, updates = widened(b, call[0]), widened(b, call[2])
    reduction, data, given = _reduction(call), call.shape(), call.shape(1)
    if given[1:axis] == data[1:axis] and given[axis + 2 :] == data[axis + 2 :]:
        made = b.op(relax().op.scatter_elements, x, indices, updates, axis=axis, reduction=reduction)
    else:  # by flat steps TVM would go on in the rows of the indices, which are shorter than those of the data
        places = b.each("places", (*given, len(given)), lambda place, of: _place(place, of, axis), indices)
        made = b.op(relax().op.scatter_nd, x, places, updates, reduction=reduction)
    return cast(b, made, dtype_of(call[0]))


def _place(place: Sequence[Any], of: Any, axis: int) -> Element:
    """Give one number of the whole place that an index along `axis` stands for; which one is last in `place`."""
    number = of(*place[:-1])
    for other, own in enumerate(place[:-1]):
        number = number if other == axis else either(place[-1] == whole(other), own, number)
    return number


def scatter_nd(call: Call[Expr], b: Builder) -> Expr:
    """ScatterND."""
    indices = from_the_front(b, call, 1, range(call.shape(1)[-1]))
    if 0 in call.shape(1):
        return call[0]
    x, updates = widened(b, call[0]), widened(b, call[2])
    made = b.op(relax().op.scatter_nd, x, indices, updates, reduction=_reduction(call))
    return cast(b, made, dtype_of(call[0]))


def _reduction(call: Call[Expr]) -> str:
    reduction = call.text("reduction", "none")
    if reduction not in _REDUCTIONS:
        raise Refused(f"reduction {reduction!r}")
    return _REDUCTIONS[reduction]


LOWERINGS: dict[str, Lowering] = {
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
}
