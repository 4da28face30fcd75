"""What the int32 of a MIL program stand for: integers of the hub's dtypes, with the wrapping that those have."""

from __future__ import annotations

import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ....compiler.model import dtype_name
from ..builder import Builder, Var

NARROW_BITS = {ir.DataType.INT8: 8, ir.DataType.UINT8: 8, ir.DataType.INT16: 16, ir.DataType.UINT16: 16}
"""Integer dtypes whose products with numbers of their own kind, or sums, int32 holds or nearly holds; their bits."""

WIDE_BITS = {ir.DataType.INT32: 32, ir.DataType.UINT32: 32, ir.DataType.INT64: 64, ir.DataType.UINT64: 64}
"""Integer dtypes that are computed in int32 without wrapping; a package narrows them to int32."""

BITS = {**NARROW_BITS, **WIDE_BITS}

UNSIGNED = frozenset(
    {ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64},
)
UNSIGNED_WIDE = UNSIGNED & frozenset(WIDE_BITS)

FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16})


def name_of(dtype: ir.DataType) -> str:
    """Give a dtype's name as people know it: `uint8`."""
    return dtype_name(dtype)


def wrapped(b: Builder, x: Var, dtype: ir.DataType) -> Var:
    """Bring int32 back into a dtype of 8 or 16 bits, the higher bits cut off; others stay as they are."""
    bits = NARROW_BITS.get(dtype)
    if bits is None:
        return x
    if dtype in UNSIGNED:
        return b.op("mod", x, 1 << bits)
    half = 1 << (bits - 1)
    return b.op("sub", b.op("mod", b.op("add", x, half), 1 << bits), half)


def refuse_below_zero(dtype: ir.DataType) -> None:
    """Refuse what may leave uint32 or uint64 below zero: it wraps to numbers that int32 does not hold.

    Raises:
        Refused: when the dtype is one of those.
    """
    if dtype in UNSIGNED_WIDE:
        raise Refused(
            f"{name_of(dtype)} wraps below zero to numbers beyond int32, the widest that Core ML computes with"
        )


def signs_differ(b: Builder, x: Var, y: Var) -> Var:
    """Tell where one of two numbers is below zero and the other is not."""
    return b.op("logical_xor", b.op("less", x, 0), b.op("less", y, 0))
