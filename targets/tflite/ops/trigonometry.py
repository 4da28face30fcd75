"""Inverse and hyperbolic functions: they keep their digits near 0 and do not overflow before the result does.

Formulas after W. Kahan, "Branch Cuts for Complex Elementary Functions" (1987).
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import dtype_of, shape_of
from .lowering import Lowering

_FAR = 1e4
"""From here on asinh and acosh are log(2x): what is left out is below 1e-8."""

_LAST_TERM = 17
"""The last term of the series of atanh is s¹⁷ / 17."""


def lower_tan(call: Call, b: Builder) -> ir.Value:
    """Give sin(x) / cos(x)."""
    return b.binary("DIV", b.unary("SIN", call[0]), b.unary("COS", call[0]))


def lower_atan(call: Call, b: Builder) -> ir.Value:
    """Give the angle of the point (1, x)."""
    x = call[0]
    shape = np.array(shape_of(x), np.int32)
    one = b.op("BROADCAST_TO", [b.full(1, x), shape], shape_of(x), dtype_of(x))  # the kernel broadcasts nothing
    return b.binary("ATAN2", x, one)


def lower_asin(call: Call, b: Builder) -> ir.Value:
    """Give the angle of the point (√(1 − x²), x)."""
    return b.binary("ATAN2", call[0], _cathetus(b, call[0]))


def lower_acos(call: Call, b: Builder) -> ir.Value:
    """Give the angle of the point (x, √(1 − x²))."""
    return b.binary("ATAN2", _cathetus(b, call[0]), call[0])


def _cathetus(b: Builder, x: ir.Value) -> ir.Value:
    one = b.full(1, x)
    return b.unary("SQRT", b.binary("MUL", b.binary("SUB", one, x), b.binary("ADD", one, x)))


def lower_sinh(call: Call, b: Builder) -> ir.Value:
    """Give (exp(|x|) − exp(−|x|)) / 2 from 1 on, and −E(2 + E) / 2(1 + E) with E = exp(−|x|) − 1 below."""
    x = call[0]
    size = b.unary("ABS", x)
    rise, decay = _halves(b, size)
    less = b.unary("ELU", b.unary("NEG", b.binary("MINIMUM", size, b.full(1, x))))  # ELU is exp(y) − 1 below 0
    above = b.binary("MUL", less, b.binary("ADD", less, b.full(2, x)))
    below = b.binary("MUL", b.binary("ADD", less, b.full(1, x)), b.full(-2, x))
    near = b.compare("LESS", size, b.full(1, x))
    return _signed(b, x, b.select(near, b.binary("DIV", above, below), b.binary("SUB", rise, decay)))


def lower_cosh(call: Call, b: Builder) -> ir.Value:
    """Give (t² + t⁻²) / 2 with t = exp(|x| / 2)."""
    return b.binary("ADD", *_halves(b, b.unary("ABS", call[0])))


def _halves(b: Builder, size: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Give exp(x) / 2 and exp(−x) / 2 for x ≥ 0."""
    half = b.full(0.5, size)
    root = b.unary("EXP", b.binary("MUL", size, half))
    return (
        b.binary("MUL", b.binary("MUL", root, half), root),
        b.binary("MUL", b.unary("EXP", b.unary("NEG", size)), half),
    )


def lower_asinh(call: Call, b: Builder) -> ir.Value:
    """Give ± log(1 + a + a² / (1 + √(a² + 1))) for a = |x|."""
    x = call[0]
    size = b.unary("ABS", x)
    a = b.binary("MINIMUM", size, b.full(_FAR, x))
    square = b.binary("MUL", a, a)
    root = b.unary("SQRT", b.binary("ADD", square, b.full(1, x)))
    more = b.binary("ADD", a, b.binary("DIV", square, b.binary("ADD", root, b.full(1, x))))
    return _signed(b, x, _far_or_near(b, size, _log_1p(b, more)))


def lower_acosh(call: Call, b: Builder) -> ir.Value:
    """Give log(1 + t + √t · √(t + 2)) for t = x − 1."""
    x = call[0]
    t = b.binary("SUB", b.binary("MINIMUM", x, b.full(_FAR, x)), b.full(1, x))
    root = b.binary("MUL", b.unary("SQRT", t), b.unary("SQRT", b.binary("ADD", t, b.full(2, x))))
    return _far_or_near(b, x, _log_1p(b, b.binary("ADD", t, root)))


def lower_atanh(call: Call, b: Builder) -> ir.Value:
    """Give ± log(1 + 2a / (1 − a)) / 2 for a = |x|."""
    x = call[0]
    a = b.unary("ABS", x)
    ratio = b.binary("DIV", b.binary("MUL", a, b.full(2, x)), b.binary("SUB", b.full(1, x), a))
    return _signed(b, x, b.binary("MUL", _log_1p(b, ratio), b.full(0.5, x)))


def _signed(b: Builder, x: ir.Value, size: ir.Value) -> ir.Value:
    return b.select(b.compare("LESS", x, b.full(0, x)), b.unary("NEG", size), size)


def _far_or_near(b: Builder, x: ir.Value, near: ir.Value) -> ir.Value:
    far = b.binary("ADD", b.unary("LOG", x), b.full(math.log(2), x))
    return b.select(b.compare("GREATER", x, b.full(_FAR, x)), far, near)


def _log_1p(b: Builder, x: ir.Value) -> ir.Value:
    """Give log(1 + x), up to |x| = 1/2, where the kernel of LOG lacks digits, as 2 · atanh(x / (2 + x)).

    There the argument is at most 1/3, and what its series leaves out is below 1e-9 of the result.
    """
    one, two = b.full(1, x), b.full(2, x)
    s = b.binary("DIV", x, b.binary("ADD", x, two))
    square = b.binary("MUL", s, s)
    series = b.value(b.full(1 / _LAST_TERM, x))
    for odd in range(_LAST_TERM - 2, 0, -2):
        series = b.binary("ADD", b.binary("MUL", series, square), b.full(1 / odd, x))
    near = b.binary("MUL", b.binary("MUL", s, two), series)
    far = b.unary("LOG", b.binary("ADD", x, one))
    return b.select(b.compare("LESS", b.unary("ABS", x), b.full(0.5, x)), near, far)


LOWERINGS: dict[str, Lowering] = {
    "Acos": lower_acos,
    "Acosh": lower_acosh,
    "Asin": lower_asin,
    "Asinh": lower_asinh,
    "Atan": lower_atan,
    "Atanh": lower_atanh,
    "Cosh": lower_cosh,
    "Sinh": lower_sinh,
    "Tan": lower_tan,
}
