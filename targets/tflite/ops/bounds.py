"""Slice and Pad whose bounds are known only at run time; the shape of the result is what the model declares."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_of, shape_of
from .indexing import from_the_front

_FARTHEST = 2**31 - 1


def slice_at_run_time(call: Call, b: Builder) -> ir.Value:
    """Cut by STRIDED_SLICE, whose kernel counts bounds as ONNX does."""
    x, rank, shape = call[0], call.rank(), _declared(call)
    count = shape_of(call[1])[0]
    axes = call.get(3) or b.value(np.arange(count))
    axes = from_the_front(b, axes, np.array(rank, dtype_of(axes).numpy()))
    axes = b.reshape(b.cast(axes, ir.DataType.INT32), (count, 1))
    steps = _int32(b, call[4]) if call.has(4) else b.value(np.ones(count, np.int32))
    begin = _spread(b, axes, _int32(b, call[1]), np.zeros(rank, np.int32))
    end = _spread(b, axes, _int32(b, call[2]), np.array(shape_of(x), np.int32))
    stride = _spread(b, axes, steps, np.ones(rank, np.int32))
    return b.op("STRIDED_SLICE", [x, begin, end, stride], shape, dtype_of(x))


def pad_at_run_time(call: Call, b: Builder) -> ir.Value:
    """Pad with a number by PADV2, whose kernel refuses negative amounts when it runs."""
    x, rank, shape = call[0], call.rank(), _declared(call)
    mode = call.text("mode", "constant")
    if mode not in ("constant", "reflect"):
        raise Refused(f"its pads are not constant, in mode {mode!r}")
    if dtype_of(x) == ir.DataType.BOOL:
        raise Refused("its pads are not constant, for bool")
    count = shape_of(call[1])[0] // 2
    axes = call.get(3) or b.value(np.arange(count))
    axes = from_the_front(b, axes, np.array(rank, dtype_of(axes).numpy()))
    axes = b.reshape(b.cast(axes, ir.DataType.INT32), (count, 1))
    pairs = b.transpose(b.reshape(_int32(b, call[1]), (2, count)), (1, 0))
    amounts = _spread(b, axes, pairs, np.zeros((rank, 2), np.int32))
    if mode == "reflect":
        return b.op("MIRROR_PAD", [x, amounts], shape, dtype_of(x), mode="REFLECT")
    number = b.reshape(call[2], ()) if call.has(2) else b.full(0, x)
    return b.op("PADV2", [x, amounts, number], shape, dtype_of(x))


def _declared(call: Call) -> tuple[int, ...]:
    shape = call.declared()
    if shape is None:
        raise Refused("its bounds are not constant, and the model does not declare the shape of the result")
    return shape


def _int32(b: Builder, x: ir.Value) -> ir.Value:
    """Bring far bounds, as those that mean the end, into int32."""
    if dtype_of(x) != ir.DataType.INT64:
        return x
    near = b.binary("MAXIMUM", b.binary("MINIMUM", x, np.array(_FARTHEST)), np.array(-_FARTHEST))
    return b.cast(near, ir.DataType.INT32)


def _spread(b: Builder, axes: ir.Value, values: ir.Value, other: np.ndarray) -> ir.Value:
    """Give one value for every axis: `values` for `axes`, `other` for the rest."""
    shape = np.array(other.shape, np.int32)
    given = b.op("SCATTER_ND", [axes, values, shape], other.shape, ir.DataType.INT32)
    ones = np.ones(shape_of(values), np.int32)
    named = b.op("SCATTER_ND", [axes, ones, shape], other.shape, ir.DataType.INT32)
    return b.select(b.compare("GREATER", named, b.full(0, named)), given, other)
