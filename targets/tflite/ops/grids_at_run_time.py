"""QuantizeLinear and DequantizeLinear with a scale or zero point known only at run time: the definition by steps."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_name, dtype_of, shape_of

_HELD_BY_FLOAT = frozenset({ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT16, ir.DataType.UINT16})
_FLOAT = ir.DataType.FLOAT


def quantize_at_run_time(call: Call, b: Builder) -> ir.Value:
    """Round x / scale, add the zero point, and bring it into the range of the integers."""
    x = call[0]
    dtype = dtype_of(call[2]) if call.has(2) else ir.DataType(call.integer("output_dtype", 0) or ir.DataType.UINT8)
    if dtype not in _HELD_BY_FLOAT:
        raise Refused(f"to {dtype_name(dtype)}")
    if dtype_of(x) != _FLOAT or dtype_of(call[1]) != _FLOAT or call.integer("precision", 0) not in (0, _FLOAT):
        raise Refused("it does not divide in float32")
    y = b.unary("ROUND", b.binary("DIV", x, _along(call, b, call[1])))
    if call.has(2):
        y = b.binary("ADD", y, _along(call, b, b.cast(call[2], _FLOAT)))
    limits = np.iinfo(dtype.numpy())
    kept = b.binary("MINIMUM", b.binary("MAXIMUM", y, b.full(limits.min, y)), b.full(limits.max, y))
    return b.cast(kept, dtype)


def dequantize_at_run_time(call: Call, b: Builder) -> ir.Value:
    """Take the zero point off, and multiply by the scale."""
    x = call[0]
    if dtype_of(x) not in (*_HELD_BY_FLOAT, ir.DataType.INT32):
        raise Refused(f"integers of {dtype_name(dtype_of(x))}")
    if dtype_of(call[1]) != _FLOAT:
        raise Refused(f"its scale is {dtype_name(dtype_of(call[1]))}, not float32")
    steps = b.cast(x, ir.DataType.INT32)
    if call.has(2):
        steps = b.binary("SUB", steps, _along(call, b, b.cast(call[2], ir.DataType.INT32)))
    return b.binary("MUL", b.cast(steps, _FLOAT), _along(call, b, call[1]))


def _along(call: Call, b: Builder, value: ir.Value) -> ir.Value:
    """Shape a scale or zero point so that it broadcasts: one for all, one a slice along `axis`, or one a block."""
    shape, own = shape_of(call[0]), shape_of(value)
    if own in ((), (1,)):
        return b.reshape(value, ())
    axis, block = call.axis(1), call.integer("block_size", 0)
    if block:
        return b.gather(value, (np.arange(shape[axis]) // block).astype(np.int32), axis)
    return b.reshape(value, [shape[axis] if place == axis else 1 for place in range(len(shape))])
