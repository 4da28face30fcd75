"""Integers of all widths in int32: what leaves 8 or 16 bits wraps, and quotients are exact.

int64, uint32 and uint64 are held by int32 as well. Their numbers keep their values, and what leaves int32 in computing
wraps there: the artifact's signature says that they are narrowed.
"""

from __future__ import annotations

import onnx_ir as ir

from ..builder import Builder, Operand
from ..graph import DType, Tensor

NARROW = {ir.DataType.INT8: 8, ir.DataType.UINT8: 8, ir.DataType.INT16: 16, ir.DataType.UINT16: 16}
"""Integer dtypes that int32 holds with room to spare; their bits."""

UNSIGNED = frozenset({ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64})


_LOWEST = -(2**31)


def wrapped(b: Builder, x: Tensor, dtype: ir.DataType) -> Tensor:
    """Bring int32 back into a dtype of 8 or 16 bits, the higher bits cut off; others stay as they are."""
    bits = NARROW.get(dtype)
    if bits is None:
        return x
    if dtype in UNSIGNED:
        return b.binary("FloorMod", x, 1 << bits)
    half = 1 << (bits - 1)
    return b.binary("Sub", b.binary("FloorMod", b.binary("AddV2", x, half), 1 << bits), half)


def negated(b: Builder, x: Operand) -> Tensor:
    """Give −x of int32; the kernel of Neg takes it through float32."""
    return b.binary("Sub", 0, x)


def quotient_rounded_down(b: Builder, x: Operand, y: Operand) -> Tensor:
    """Divide int32 exactly, rounding down; no divisor may be −2³¹, which has no opposite.

    The kernel of FloorDiv divides in float32, which is off by up to 2⁸. What it leaves, without the remainder, is a
    multiple of the divisor, and so small that float32 tells which; sums and products on the way may wrap.
    """
    x, y = b.hold(x), b.hold(y)
    multiple = b.binary("Sub", x, b.binary("FloorMod", x, y))
    guess = b.binary("FloorDiv", x, y)
    rest = b.binary("Sub", multiple, b.binary("Mul", guess, y))
    more = b.binary("RealDiv", b.cast(rest, DType.FLOAT), b.cast(y, DType.FLOAT))
    return b.binary("AddV2", guess, b.cast(b.unary("Round", more), DType.INT))


def quotient_towards_zero(b: Builder, x: Tensor, y: Tensor) -> Tensor:
    """Divide int32 exactly, rounding towards zero."""
    down = quotient_rounded_down(b, x, y)
    inexact = b.compare("NotEqual", b.binary("Mul", down, y), x)
    differ = b.compare("NotEqual", b.compare("Less", x, 0), b.compare("Less", y, 0))
    quotient = b.binary("AddV2", down, b.cast(b.binary("LogicalAnd", inexact, differ), DType.INT))
    by_lowest = b.cast(b.compare("Equal", x, _LOWEST), DType.INT)
    return b.select(b.compare("Equal", y, _LOWEST), by_lowest, quotient)
