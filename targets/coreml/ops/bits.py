"""Operations on the bits of integers. MIL has none: numbers are laid out in their bits, and shifts are products."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import MAX_RANK, Array, Builder, Var
from ..call import Call
from .dtypes import BITS, NARROW_BITS, UNSIGNED, UNSIGNED_WIDE, name_of, wrapped
from .lowering import Lowering

_OF_BITS = {"BitwiseAnd": "mul", "BitwiseOr": "maximum"}
"""ONNX operator → the operation that does the same to numbers that are 0 or 1."""

_HELD = 31
"""Bits of a number in int32, beside the sign; a number of a wide dtype repeats the sign beyond them."""


def bitwise(call: Call, b: Builder) -> Var:
    """BitwiseAnd, BitwiseOr, BitwiseXor: on bits along a new axis, which are then summed up again."""
    width = min(BITS[call.dtype()], _HELD)
    if max(call.rank(0), call.rank(1)) >= MAX_RANK:
        raise Refused(f"its bits would need an axis beyond the {MAX_RANK} of Core ML")
    x, y = (_laid_out(b, call[index], width) for index in range(2))
    both = b.op("abs", b.op("sub", x, y)) if call.op == "BitwiseXor" else b.op(_OF_BITS[call.op], x, y)
    return b.op("reduce_sum", b.op("mul", both, _weights(width)), axes=[-1], keep_dims=False)


def _laid_out(b: Builder, x: Var, width: int) -> Var:
    """Give the bits of numbers along a last axis, the lowest first, the sign last; each is 0 or 1."""
    column = b.op("expand_dims", x, axes=[-1])
    bits = b.op("mod", b.op("floor_div", column, _weights(width)[:-1]), 2)
    return b.op("concat", values=[bits, b.cast(b.op("less", column, 0), "int32")], axis=-1)


def _weights(width: int) -> Array:
    """Give int32[width + 1]: 1, 2, 4 … and what the sign stands for."""
    return np.array([*(1 << place for place in range(width)), -(1 << width)], np.int64).astype(np.int32)


def bitwise_not(call: Call, b: Builder) -> Var:
    """BitwiseNot: −1 − x, or the largest number less x."""
    dtype = call.dtype()
    if dtype in UNSIGNED_WIDE:
        raise Refused(
            f"the bits of a {name_of(dtype)} turned over are beyond int32, the widest that Core ML computes with"
        )
    return b.op("sub", (1 << BITS[dtype]) - 1 if dtype in UNSIGNED else -1, call[0])


def bit_shift(call: Call, b: Builder) -> Var:
    """BitShift. Places below zero or from the width on leave nothing but the sign of a number shifted right."""
    x, places, dtype = call[0], call[1], call.dtype()
    width = BITS[dtype]
    inside = b.op("logical_and", b.op("greater_equal", places, 0), b.op("less", places, width))
    left = call.text("direction", "") == "LEFT"
    kept = b.op("minimum", b.op("select", inside, places, 0 if left else width), _HELD)
    half = b.op("floor_div", kept, 2)
    factors = [_power_of_two(b, some) for some in (half, b.op("sub", kept, half))]
    if not left:
        return b.op("floor_div", b.op("floor_div", x, factors[0]), factors[1])
    if dtype in NARROW_BITS:  # what leaves the dtype is taken off first, so that int32 holds the product
        x = b.op("mod", x, _power_of_two(b, b.op("sub", width, kept)))
    for factor in (*factors, b.cast(inside, "int32")):
        x = b.op("mul", x, factor)
    return wrapped(b, x, dtype)


def _power_of_two(b: Builder, exponents: Var) -> Var:
    return b.op("gather", _weights(_HELD)[:-1], exponents, axis=0)


LOWERINGS: dict[str, Lowering] = {
    "BitShift": bit_shift,
    "BitwiseAnd": bitwise,
    "BitwiseNot": bitwise_not,
    "BitwiseOr": bitwise,
    "BitwiseXor": bitwise,
}
