"""Reductions, and what normalises along an axis."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import shape_of
from .lowering import Lowering

REDUCE = {"ReduceMean": "MEAN", "ReduceSum": "SUM"}
"""ONNX operator → TFLite operator of the same meaning."""


def reduced_axes(call: Call) -> list[int]:
    """Read the axes to reduce, an input since opset 18 and an attribute before; none given means all."""
    axes = call.constant_ints(1, "list of axes") or call.ints("axes")
    if not axes:
        return [] if call.integer("noop_with_empty_axes", 0) else list(range(call.rank()))
    return [axis % call.rank() for axis in axes]


def lower_reduce(call: Call, b: Builder) -> ir.Value:
    """Reduce by what TFLite has under a name of its own."""
    return b.reduce(REDUCE[call.op], call[0], reduced_axes(call), keep=bool(call.integer("keepdims", 1)))


def lower_softmax(call: Call, b: Builder) -> ir.Value:
    """SOFTMAX runs along the last axis: another axis is moved there and back."""
    return along_last(call[0], call.axis(-1), b, lambda x: b.unary("SOFTMAX", x, beta=1.0))


def along_last(x: ir.Value, axis: int, b: Builder, work: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """Apply `work` along an axis as if it were the last."""
    rank = len(shape_of(x))
    if axis == rank - 1:
        return work(x)
    there = [*(place for place in range(rank) if place != axis), axis]
    back = sorted(range(rank), key=there.__getitem__)
    return b.transpose(work(b.transpose(x, there)), back)


LOWERINGS: dict[str, Lowering] = {**dict.fromkeys(REDUCE, lower_reduce), "Softmax": lower_softmax}
