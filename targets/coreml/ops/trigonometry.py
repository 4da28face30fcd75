"""Trigonometric and hyperbolic functions."""

from __future__ import annotations

from ..builder import Builder, Var
from ..call import Call
from .lowering import Lowering

_UNARY = {name: name.lower() for name in ("Acos", "Asin", "Atan", "Atanh", "Cos", "Cosh", "Sin", "Sinh", "Tan", "Tanh")}
"""ONNX operator → MIL operation of the same meaning."""


def unary(call: Call, b: Builder) -> Var:
    """Work on one operand."""
    return b.op(_UNARY[call.op], call[0])


def asinh(call: Call, b: Builder) -> Var:
    """Asinh."""
    return _inverse_sinh(b, call[0])


def acosh(call: Call, b: Builder) -> Var:
    """Acosh: asinh(√(x − 1) · √(x + 1)), which keeps its digits near 1 and is NaN below."""
    below, above = (b.op("sqrt", b.op("add", call[0], number)) for number in (-1.0, 1.0))
    return _inverse_sinh(b, b.op("mul", below, above))


def _inverse_sinh(b: Builder, x: Var) -> Var:
    """Give atanh(x / √(x² + 1)) near 0, and ± (log a + log(1 + √(1 + 1/a²))) for a = |x| from 1 on.

    The one keeps its digits where the result is small, the other does not overflow where x is large.
    """
    root = b.op("sqrt", b.op("add", b.op("square", x), 1.0))
    near = b.op("atanh", b.op("real_div", x, root))
    size = b.op("maximum", b.op("abs", x), 1.0)
    part = b.op("sqrt", b.op("add", b.op("square", b.op("real_div", 1.0, size)), 1.0))
    logs = (b.op("log", value, epsilon=0.0) for value in (size, b.op("add", part, 1.0)))
    far = b.op("mul", b.op("sign", x), b.op("add", *logs))
    return b.op("select", b.op("less", b.op("abs", x), 1.0), near, far)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    "Acosh": acosh,
    "Asinh": asinh,
}
