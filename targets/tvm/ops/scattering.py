"""Scatters: elements or slices written, or joined, at places that are said by indices."""

from __future__ import annotations

from typing import Final

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax
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
    made = b.op(relax().op.scatter_elements, x, indices, updates, axis=axis, reduction=_reduction(call))
    return cast(b, made, dtype_of(call[0]))


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
