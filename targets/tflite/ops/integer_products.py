"""Products of small integers: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv.

A float32 holds every integer up to 2²⁴, so a sum of 257 products of 8-bit numbers is exact in it, in any order. Longer
sums are taken in pieces, and the pieces added up in int32.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_name, dtype_of, shape_of
from .convolution import convolve
from .linear import batch_matmul
from .lowering import Lowering

_EXACT = 2**24
_LARGEST = 255 * 255
"""What a product of two numbers of 8 bits, less their zero points, reaches at the most."""


def lower_matmul_integer(call: Call, b: Builder) -> ir.Value:
    """Multiply matrices of 8-bit integers, to int32."""
    return _matmul(b, _less(b, call[0], call.get(2), -2), _less(b, call[1], call.get(3), -1))


def lower_conv_integer(call: Call, b: Builder) -> ir.Value:
    """Convolve 8-bit integers, to int32."""
    x, weight = _less(b, call[0], call.get(2), None), _less(b, call[1], call.get(3), 0)
    return b.cast(_conv(call, b, x, weight, None), ir.DataType.INT32)


def lower_qlinear_matmul(call: Call, b: Builder) -> ir.Value:
    """Multiply matrices on their grids, and bring the product to a grid."""
    product = _matmul(b, _less(b, call[0], call.get(2), -2), _less(b, call[3], call.get(5), -1))
    scale = b.binary("MUL", _column(b, call[1], -2), _column(b, call[4], -1))
    return _on_grid(b, b.cast(product, ir.DataType.FLOAT), scale, _column(b, call[6], -2), call[7])


def lower_qlinear_conv(call: Call, b: Builder) -> ir.Value:
    """Convolve on grids, and bring the result to a grid; the bias stands on the grid of the products."""
    x, weight = _less(b, call[0], call.get(2), None), _less(b, call[3], call.get(5), 0)
    total = b.cast(_conv(call, b, x, weight, None), ir.DataType.INT32)
    channels = (shape_of(total)[1], *[1] * (len(shape_of(total)) - 2))
    if call.has(8):
        total = b.binary("ADD", total, b.reshape(call[8], channels))
    scale = b.binary("MUL", call[1], call[4])
    scale = b.reshape(scale, channels) if shape_of(scale) not in ((), (1,)) else b.reshape(scale, ())
    return _on_grid(b, b.cast(total, ir.DataType.FLOAT), scale, b.reshape(call[6], ()), call[7])


def _matmul(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    depth, piece = shape_of(x)[-1], _EXACT // _LARGEST
    if len(shape_of(x)) == 1 or len(shape_of(y)) == 1:
        raise Refused("a vector")
    total = None
    for start in range(0, depth, piece):
        stop = min(start + piece, depth)
        left = b.slice(x, [*[0] * (len(shape_of(x)) - 1), start], [*shape_of(x)[:-1], stop])
        lead = shape_of(y)[:-2]
        right = b.slice(y, [*[0] * len(lead), start, 0], [*lead, stop, shape_of(y)[-1]])
        part = b.cast(batch_matmul(b, left, right), ir.DataType.INT32)
        total = part if total is None else b.binary("ADD", total, part)
    assert total is not None
    return total


def _conv(call: Call, b: Builder, x: ir.Value, weight: ir.Value, bias: ir.Value | None) -> ir.Value:
    if math.prod(shape_of(weight)[1:]) * _LARGEST > _EXACT:
        raise Refused("its sums are longer than float32 adds up exactly")
    return convolve(call, b, x, weight, bias)


def _less(b: Builder, x: ir.Value, zero: ir.Value | None, axis: int | None) -> ir.Value:
    """Give the integers less their zero point, as float32; `axis` is the one that zero points in a list go along."""
    if dtype_of(x) not in (ir.DataType.INT8, ir.DataType.UINT8):
        raise Refused(f"integers of {dtype_name(dtype_of(x))}")
    x = b.cast(x, ir.DataType.FLOAT)
    if zero is None:
        return x
    zero = b.cast(zero, ir.DataType.FLOAT)
    if shape_of(zero) in ((), (1,)):
        return b.binary("SUB", x, b.reshape(zero, ()))
    if axis == 0:
        return b.binary("SUB", x, b.reshape(zero, (shape_of(x)[0], *[1] * (len(shape_of(x)) - 1))))
    return b.binary("SUB", x, _column(b, zero, axis or -1))


def _column(b: Builder, value: ir.Value, axis: int) -> ir.Value:
    """Lay a number for every row (axis −2) or column (axis −1) so that it broadcasts over matrices."""
    if shape_of(value) in ((), (1,)):
        return b.reshape(value, ())
    return b.reshape(value, (*shape_of(value), 1)) if axis == -2 and len(shape_of(value)) == 1 else value


def _on_grid(b: Builder, x: ir.Value, scale: ir.Value, to: ir.Value, zero: ir.Value) -> ir.Value:
    if not all(dtype_of(value) == ir.DataType.FLOAT for value in (scale, to)):
        raise Refused(f"scales of {dtype_name(dtype_of(scale))}")
    limits = np.iinfo(dtype_of(zero).numpy())
    zeros = b.cast(zero, ir.DataType.FLOAT)
    zeros = b.reshape(zeros, shape_of(to)) if shape_of(to) else b.reshape(zeros, ())
    ratio = b.binary("DIV", scale, to)
    y = b.binary("ADD", b.unary("ROUND", b.binary("MUL", x, ratio)), zeros)
    y = b.binary("MINIMUM", b.binary("MAXIMUM", y, b.full(float(limits.min), y)), b.full(float(limits.max), y))
    return b.cast(y, dtype_of(zero))


LOWERINGS: dict[str, Lowering] = {
    "ConvInteger": lower_conv_integer,
    "MatMulInteger": lower_matmul_integer,
    "QLinearConv": lower_qlinear_conv,
    "QLinearMatMul": lower_qlinear_matmul,
}
