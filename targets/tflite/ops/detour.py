"""Integers that a kernel does not take, by way of integers that it takes, where that is exact.

What has up to 16 bits is held by int32, uint32 by int64: sums and products that pass the width are cut off to its bits
again, as ONNX has it. uint64 is taken bit by bit as int64; where the order counts, the upper bit is turned over first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..dialect import constant_of, dtype_of, make_constant, shape_of
from ..kernels import KERNELS

I32, I64, U32, U64 = ir.DataType.INT32, ir.DataType.INT64, ir.DataType.UINT32, ir.DataType.UINT64

NARROW = frozenset({ir.DataType.INT8, ir.DataType.INT16, ir.DataType.UINT8, ir.DataType.UINT16})

INTEGERS = NARROW | {I32, I64, U32}
"""Integers that CAST takes."""

_ORDERED = frozenset({"GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "MAXIMUM", "MINIMUM", "TOPK_V2"})
_MODULAR = frozenset({"ADD", "EQUAL", "MUL", "NOT_EQUAL", "SUB"})
_HELD = _ORDERED | _MODULAR | {"ABS", "CUMSUM", "DIV", "FLOOR_MOD", "NEG", "POW", "SELECT_V2", "SIGN", "SUM"}

Way = tuple[Callable[[Builder, ir.Value], ir.Value], Callable[[Builder, ir.Value], ir.Value]]


def way(operator: str, dtype: ir.DataType) -> Way:
    """Give what takes an operand to a dtype of the kernel, and the result back; without need or way, nothing."""
    if dtype in KERNELS[operator].dtypes or operator not in _HELD:
        return _stay, _stay
    if dtype in NARROW:
        return _cast(I32), _cast(dtype)
    if dtype == U32:
        return _cast(I64), _cast(dtype)
    if dtype == U64 and operator in _MODULAR:
        return _bits(I64), _bits(U64)
    if dtype == U64 and operator in _ORDERED:
        return _to_ordered, _from_ordered
    return _stay, _stay


def through(operator: str, b: Builder, work: Callable[..., ir.Value], *operands: ir.Value) -> ir.Value:
    """Do `work`, a use of one operator, on operands of any integer dtype. A bool result is no number to take back."""
    there, back = way(operator, dtype_of(operands[0]))
    result = work(*(there(b, value) for value in operands))
    return result if dtype_of(result) == ir.DataType.BOOL else back(b, result)


def bitcast(b: Builder, x: ir.Value, dtype: ir.DataType) -> ir.Value:
    """Give the same bits as another dtype of the same width."""
    if dtype_of(x) == dtype:
        return x
    array = constant_of(x)
    if array is not None:
        return make_constant(np.ascontiguousarray(array).view(dtype.numpy()).reshape(array.shape))
    return b.op("BITCAST", [x], shape_of(x), dtype)


def _stay(b: Builder, x: ir.Value) -> ir.Value:  # noqa: ARG001 - one of two ways
    return x


def _cast(dtype: ir.DataType) -> Callable[[Builder, ir.Value], ir.Value]:
    return lambda b, x: b.cast(x, dtype)


def _bits(dtype: ir.DataType) -> Callable[[Builder, ir.Value], ir.Value]:
    return lambda b, x: bitcast(b, x, dtype)


def _to_ordered(b: Builder, x: ir.Value) -> ir.Value:
    return b.binary("ADD", bitcast(b, x, I64), np.array(np.iinfo(np.int64).min))


def _from_ordered(b: Builder, x: ir.Value) -> ir.Value:
    return bitcast(b, b.binary("ADD", x, np.array(np.iinfo(np.int64).min)), U64)
