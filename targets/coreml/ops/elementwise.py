"""Arithmetic, element by element."""

from __future__ import annotations

from functools import reduce

from ..builder import Builder, Var
from ..call import Call
from .broadcasting import level
from .dtypes import UNSIGNED, refuse_below_zero, wrapped
from .lowering import Lowering

_UNARY = {
    "Ceil": "ceil",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Round": "round",
    "Sign": "sign",
    "Sqrt": "sqrt",
}
"""ONNX operator → MIL operation of one operand with the same meaning; `round` goes to even as ONNX's does."""

_BINARY = {"Add": "add", "Max": "maximum", "Mean": "add", "Min": "minimum", "Sub": "sub", "Sum": "add"}
"""ONNX operator → MIL operation of two operands that broadcast; some take more, in turn."""


def unary(call: Call, b: Builder) -> Var:
    """Work on one operand, keeping shape and dtype."""
    return b.op(_UNARY[call.op], call[0])


def binary(call: Call, b: Builder) -> Var:
    """Work on operands that broadcast, in turn."""
    if call.op == "Sub":
        refuse_below_zero(call.dtype())
    operands = [call[index] for index in range(len(call.inputs))]
    result = reduce(lambda x, y: b.op(_BINARY[call.op], *level(b, x, y)), operands)
    return wrapped(b, result, call.dtype()) if _BINARY[call.op] in ("add", "sub") else result


def mean(call: Call, b: Builder) -> Var:
    """Average operands that broadcast."""
    total, count = binary(call, b), len(call.inputs)
    return b.op("mul", total, 1 / count) if count > 1 else total


def multiply(call: Call, b: Builder) -> Var:
    """Mul. The product of two uint16 may not fit int32: it is put together from two, by the bytes of one factor."""
    x, y, dtype = call[0], call[1], call.dtype()
    if dtype.name != "UINT16":
        return wrapped(b, b.op("mul", *level(b, x, y)), dtype)
    high = b.op("mod", b.op("mul", x, b.op("floor_div", y, 256)), 256)
    return wrapped(b, b.op("add", b.op("mul", high, 256), b.op("mul", x, b.op("mod", y, 256))), dtype)


def negate(call: Call, b: Builder) -> Var:
    """Neg; the lowest number of a signed dtype stays what it is."""
    return wrapped(b, b.op("mul", call[0], -1), call.dtype())


def absolute(call: Call, b: Builder) -> Var:
    """Abs; the lowest number of a signed dtype stays what it is."""
    x, dtype = call[0], call.dtype()
    return x if dtype in UNSIGNED else wrapped(b, b.op("abs", x), dtype)


def reciprocal(call: Call, b: Builder) -> Var:
    """Reciprocal. MIL's `inverse` adds a number first, with which −0 would become 0."""
    return b.op("real_div", 1.0, call[0])


def logarithm(call: Call, b: Builder) -> Var:
    """Log, of the operand itself: MIL adds a number first unless told not to."""
    return b.op("log", call[0], epsilon=0.0)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(_BINARY, binary),
    "Abs": absolute,
    "Log": logarithm,
    "Mean": mean,
    "Mul": multiply,
    "Neg": negate,
    "Reciprocal": reciprocal,
}
