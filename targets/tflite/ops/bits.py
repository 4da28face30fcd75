"""Bits: TFLite has an exclusive or and a shift to the right; the rest is said by them."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_name, dtype_of, shape_of
from .detour import I32, I64, U32, U64, bitcast
from .elementwise import convert
from .lowering import Lowering

_OF_BITS = {"BitwiseAnd": "MUL", "BitwiseOr": "MAXIMUM", "BitwiseXor": "NOT_EQUAL"}
"""ONNX operator → the operator that does the same to numbers that are 0 or 1."""


def lower_bitwise(call: Call, b: Builder) -> ir.Value:
    """Lay every number out in its bits along a new axis, work on those, and sum them up again."""
    x, y = call[0], call[1]
    dtype, shape = dtype_of(x), np.broadcast_shapes(shape_of(x), shape_of(y))
    if call.op == "BitwiseXor" and dtype not in (I64, U64):
        return b.binary("BITWISE_XOR", x, y)
    left, right = _words(b, x, shape), _words(b, y, shape)
    if call.op == "BitwiseXor":
        return _from_words(b, b.binary("BITWISE_XOR", left, right), shape, dtype)
    places = np.arange(32, dtype=np.int32)
    weights = np.left_shift(np.int32(1), places)  # the last is the sign's, −2³¹
    left, right = (b.binary("FLOOR_MOD", b.binary("RIGHT_SHIFT", w, places), b.full(2, w)) for w in (left, right))
    both = b.binary("MUL", b.binary(_OF_BITS[call.op], left, right), weights)
    return _from_words(b, b.reduce("SUM", both, [1]), shape, dtype)


def _words(b: Builder, x: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    """Give int32[N, 1] words of a broadcast operand, two for a number of 64 bits."""
    x = bitcast(b, x, I64) if dtype_of(x) == U64 else x
    if shape_of(x) != shape:
        x = b.op("BROADCAST_TO", [x, np.array(shape, np.int32)], shape, dtype_of(x))
    count = math.prod(shape)
    if dtype_of(x) == I64:
        return b.reshape(b.op("BITCAST", [x], (*shape, 2), I32), (2 * count, 1))
    return b.reshape(bitcast(b, x, I32) if dtype_of(x) == U32 else b.cast(x, I32), (count, 1))


def _from_words(b: Builder, words: ir.Value, shape: tuple[int, ...], dtype: ir.DataType) -> ir.Value:
    if dtype in (I64, U64):
        return b.op("BITCAST", [b.reshape(words, (*shape, 2))], shape, dtype)
    words = b.reshape(words, shape)
    return bitcast(b, words, U32) if dtype == U32 else b.cast(words, dtype)


def lower_bitwise_not(call: Call, b: Builder) -> ir.Value:
    """Flip all bits: −1 − x, for any integer."""
    x = call[0]
    if dtype_of(x) in (I64, U64):
        return bitcast(b, b.binary("SUB", np.array(-1), bitcast(b, x, I64)), dtype_of(x))
    return b.binary("BITWISE_XOR", x, np.array(-1).astype(dtype_of(x).numpy()))


def lower_bit_shift(call: Call, b: Builder) -> ir.Value:
    """Shift by places that count as unsigned: from the width on, nothing but the sign is left."""
    x, dtype = call[0], dtype_of(call[0])
    width = int(dtype.itemsize * 8)
    places = convert(b, call[1], I64)
    beyond = b.binary(
        "LOGICAL_OR", b.compare("LESS", places, b.full(0, places)), b.compare("GREATER_EQUAL", places, np.array(width))
    )
    if call.text("direction", "") == "LEFT":
        wide = bitcast(b, x, I64) if dtype == U64 else b.cast(x, I64)
        powers = np.left_shift(np.int64(1), np.arange(width))
        product = b.binary("MUL", wide, b.gather(powers, b.select(beyond, np.array(0), places), 0))
        return convert(b, b.select(beyond, np.array(0), product), dtype)
    signed = np.issubdtype(dtype.numpy(), np.signedinteger)
    kept = b.select(beyond, np.array(width - 1), places)
    shifted = b.binary("RIGHT_SHIFT", x, b.cast(kept, dtype))
    return shifted if signed else convert(b, b.select(beyond, np.array(0), b.cast(shifted, I64)), dtype)


def lower_bit_cast(call: Call, b: Builder) -> ir.Value:
    """Read the same bits as another dtype of the same width."""
    x, dtype = call[0], ir.DataType(call.integer("to", 0))
    if dtype.itemsize != dtype_of(x).itemsize:
        raise Refused(f"{dtype_name(dtype_of(x))} and {dtype_name(dtype)} differ in width")
    return bitcast(b, x, dtype)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_OF_BITS, lower_bitwise),
    "BitCast": lower_bit_cast,
    "BitShift": lower_bit_shift,
    "BitwiseNot": lower_bitwise_not,
}
