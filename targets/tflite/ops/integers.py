"""Arithmetic of integers that TFLite has no kernel for, from operators that it has. All of it is exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_of, shape_of
from .detour import I32, I64, NARROW, through
from .lowering import Lowering

_MOD_OF_FLOATS = 27
"""The opset from which on Mod of floats needs no fmod."""

_ROUNDS = 4
"""Each round of a division leaves less than 2⁻²⁰ of what was left; 63 bits need four."""

_EXPONENT_BITS = 6
"""An exponent beyond 63 overflows, or has the base 0, 1 or −1, where only its parity counts."""


def lower_div(call: Call, b: Builder) -> ir.Value:
    """Divide; integers are rounded towards zero."""

    def work(x: ir.Value, y: ir.Value) -> ir.Value:
        return divide(b, x, y) if dtype_of(x) == I64 else b.binary("DIV", x, y)

    return through("DIV", b, work, call[0], call[1])


def divide(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Divide int64 by long division: each round takes off what the quotient in float32, made a little smaller, says.

    It goes on with −|x| and −|y|, which hold every number.
    """
    shape = np.broadcast_shapes(shape_of(x), shape_of(y))
    rest, divisor = (b.binary("MINIMUM", value, b.binary("SUB", b.full(0, value), value)) for value in (x, y))
    by = b.cast(divisor, ir.DataType.FLOAT)
    quotient = b.value(np.zeros(shape, np.int64))
    for _ in range(_ROUNDS):
        guess = b.binary("DIV", b.cast(rest, ir.DataType.FLOAT), by)
        part = b.cast(b.binary("MUL", guess, b.full(1 - 2.0**-21, by)), I64)
        quotient = b.binary("ADD", quotient, part)
        rest = b.binary("SUB", rest, b.binary("MUL", part, divisor))
    once_more = b.cast(b.compare("LESS_EQUAL", rest, divisor), I64)
    quotient = b.binary("ADD", quotient, once_more)
    return b.select(_signs_differ(b, x, y), b.binary("SUB", b.full(0, quotient), quotient), quotient)


def lower_mod(call: Call, b: Builder) -> ir.Value:
    """Remainder with the sign of the divisor, or of the dividend (`fmod`)."""
    x, y = call[0], call[1]
    unsigned = np.issubdtype(dtype_of(x).numpy(), np.unsignedinteger)
    if unsigned or not call.integer("fmod", 0):
        if dtype_of(x) == ir.DataType.FLOAT and call.opset < _MOD_OF_FLOATS:
            raise Refused("the remainder of floats needs fmod = 1")
        return through("FLOOR_MOD", b, lambda p, q: b.binary("FLOOR_MOD", p, q), x, y)
    return _fmod_of_floats(b, x, y) if dtype_of(x) == ir.DataType.FLOAT else through("SUB", b, _fmod(b), x, y)


def _fmod_of_floats(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Divide by y or −y, whichever has the sign of x."""
    return b.binary("FLOOR_MOD", x, b.select(_signs_differ(b, x, y), b.unary("NEG", y), y))


def _fmod(b: Builder) -> Callable[[ir.Value, ir.Value], ir.Value]:
    """Take the divisor off again where FLOOR_MOD has added it; −y may not exist."""

    def work(x: ir.Value, y: ir.Value) -> ir.Value:
        rest = b.binary("FLOOR_MOD", x, y)
        added = b.binary("LOGICAL_AND", b.compare("NOT_EQUAL", rest, b.full(0, rest)), _signs_differ(b, x, y))
        return b.select(added, b.binary("SUB", rest, y), rest)

    return work


def _signs_differ(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.compare("NOT_EQUAL", *(b.compare("LESS", value, b.full(0, value)) for value in (x, y)))


def lower_pow(call: Call, b: Builder) -> ir.Value:
    """Small constant exponents by products, floats by POW, integers by squaring."""
    x, y = call[0], call[1]
    exponent = constant_of(y)
    if exponent is not None and exponent.size == 1 and len(shape_of(y)) <= len(shape_of(x)):
        match float(exponent.item()):
            case 1.0:
                return x
            case 2.0:
                return b.binary("MUL", x, x)
            case 3.0:
                return b.binary("MUL", b.binary("MUL", x, x), x)
            case 0.5 if dtype_of(x) == ir.DataType.FLOAT:
                return b.unary("SQRT", x)
    if dtype_of(x) == ir.DataType.FLOAT:
        y = b.cast(y, dtype_of(x)) if exponent is None else b.value(exponent.astype(np.float32))
        return b.binary("POW", x, y)
    if dtype_of(y) == ir.DataType.FLOAT and dtype_of(x) in NARROW | {I32}:
        return b.cast(b.binary("POW", b.cast(x, ir.DataType.FLOAT), y), dtype_of(x))
    return through("POW", b, lambda base: _power(b, base, b.cast(y, I32)), x)


def _power(b: Builder, base: ir.Value, exponent: ir.Value) -> ir.Value:
    """Multiply the squares that the bits of the exponent name; below 0, what is not ±1 is rounded to 0."""
    size = b.unary("ABS", exponent)
    odd = b.binary("FLOOR_MOD", size, b.full(2, size))
    even = 2**_EXPONENT_BITS - 2
    size = b.select(b.compare("LESS", size, b.full(even, size)), size, b.binary("ADD", odd, b.full(even, size)))
    result, square = b.value(b.full(1, base)), base
    for bit in range(_EXPONENT_BITS):
        set_ = b.binary("FLOOR_MOD", b.binary("RIGHT_SHIFT", size, b.full(bit, size)), b.full(2, size))
        factor = b.select(b.compare("GREATER", set_, b.full(0, set_)), square, b.full(1, base))
        result = b.binary("MUL", result, factor)
        square = b.binary("MUL", square, square)
    unit = b.compare("EQUAL", b.binary("MUL", base, base), b.full(1, base))
    keeps = b.binary("LOGICAL_OR", unit, b.compare("GREATER_EQUAL", exponent, b.full(0, exponent)))
    return b.select(keeps, result, b.full(0, base))


def lower_abs(call: Call, b: Builder) -> ir.Value:
    """Give the larger of x and −x where there is no ABS."""
    x = call[0]
    if dtype_of(x) != I64:
        return through("ABS", b, lambda value: b.unary("ABS", value), x)
    return b.binary("MAXIMUM", x, b.unary("NEG", x))


def lower_sign(call: Call, b: Builder) -> ir.Value:
    """Give (x > 0) − (x < 0) where there is no SIGN."""
    x = call[0]
    if dtype_of(x) != I64:
        return through("SIGN", b, lambda value: b.unary("SIGN", value), x)
    above, below = (b.cast(b.compare(operator, x, b.full(0, x)), I64) for operator in ("GREATER", "LESS"))
    return b.binary("SUB", above, below)


LOWERINGS: dict[str, Lowering] = {
    "Abs": lower_abs,
    "Div": lower_div,
    "Mod": lower_mod,
    "Pow": lower_pow,
    "Sign": lower_sign,
}
