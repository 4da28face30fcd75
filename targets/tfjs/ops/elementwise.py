"""Arithmetic, element by element."""

from __future__ import annotations

import numpy as np

from ..builder import Builder, Operand
from ..call import Call
from ..graph import DType, Tensor
from .fused import activated, activation_of
from .integers import negated, quotient_towards_zero, wrapped
from .lowering import Lowering

_UNARY = {
    "CEIL": "Ceil",
    "COS": "Cos",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "LOG": "Log",
    "ROUND": "Round",  # half to even, on all backends
    "RSQRT": "Rsqrt",
    "SIN": "Sin",
    "SQRT": "Sqrt",
}
"""Operator of the dialect → TF.js operator of one operand with the same meaning."""

_BINARY = {"ADD": "AddV2", "ATAN2": "Atan2", "MUL": "Mul", "POW": "Pow", "SUB": "Sub"}
"""Operator of the dialect → TF.js operator of two operands that broadcast, with the same meaning."""

_EXTREMES = {"MAXIMUM": "Maximum", "MINIMUM": "Minimum"}


def unary(call: Call, b: Builder) -> Tensor:
    """Work on one operand, keeping shape and dtype."""
    return b.unary(_UNARY[call.op], call[0])


def binary(call: Call, b: Builder) -> Tensor:
    """Work on two operands of one dtype; an activation that the node has taken in follows."""
    result = wrapped(b, b.binary(_BINARY[call.op], call[0], call[1]), call.result_hub_dtype())
    return activated(b, result, activation_of(call))


def divide(call: Call, b: Builder) -> Tensor:
    """Divide; integers are rounded towards zero."""
    x, y = call[0], call[1]
    if x.dtype is DType.INT:
        return quotient_towards_zero(b, x, y)
    return activated(b, b.binary("RealDiv", x, y), activation_of(call))


def extreme(call: Call, b: Builder) -> Tensor:
    """Give the larger or smaller of two; of floats, what is not a number wins.

    The wasm kernels lose it where the second operand has it: a constant without it goes second.
    """
    op, (x, y) = _EXTREMES[call.op], (call[0], call[1])
    if x.dtype is not DType.FLOAT or _is_numbers(call, 1):
        return b.binary(op, x, y)
    if _is_numbers(call, 0):
        return b.binary(op, y, x)
    return b.select(b.unary("IsNan", y, DType.BOOL), y, b.binary(op, x, y))


def _is_numbers(call: Call, index: int) -> bool:
    return call.is_constant(index) and not np.isnan(call.constant(index, "bound")).any()


def absolute(call: Call, b: Builder) -> Tensor:
    """Give x without its sign."""
    x = call[0]
    if x.dtype is DType.INT:
        return wrapped(b, b.binary("Maximum", x, negated(b, x)), call.result_hub_dtype())
    return b.unary("Abs", x)


def negative(call: Call, b: Builder) -> Tensor:
    """Give −x."""
    x = call[0]
    if x.dtype is DType.INT:
        return wrapped(b, negated(b, x), call.result_hub_dtype())
    return b.unary("Neg", x)


def sign(call: Call, b: Builder) -> Tensor:
    """Give 1 above 0, −1 below, and the rest as it is. The wasm kernel takes small numbers, as 1e-10, for 0."""
    x = call[0]
    if x.dtype is DType.INT:
        return b.unary("Sign", x)
    return b.select(b.compare("Greater", x, 0.0), 1.0, b.select(b.compare("Less", x, 0.0), -1.0, x))


def square(call: Call, b: Builder) -> Tensor:
    """Give x · x."""
    return wrapped(b, b.binary("Mul", call[0], call[0]), call.result_hub_dtype())


def squared_difference(call: Call, b: Builder) -> Tensor:
    """Give (x − y)²."""
    difference = b.binary("Sub", call[0], call[1])
    return wrapped(b, b.binary("Mul", difference, difference), call.result_hub_dtype())


def floor_mod(call: Call, b: Builder) -> Tensor:
    """Give the remainder that has the sign of the divisor.

    The kernel of floats adds the divisor to the remainder before it is reduced again, which rounds: −1e-10 modulo 1 is
    0. Where dividend and divisor have one sign it adds nothing, and so it is asked for those alone.
    """
    x, y = call[0], call[1]
    if x.dtype is DType.INT:
        return b.binary("FloorMod", x, y)
    differ = _signs_differ(b, x, y)
    rest = b.binary("FloorMod", x, b.select(differ, b.unary("Neg", y), y))
    added = b.binary("LogicalAnd", differ, b.compare("NotEqual", rest, 0.0))
    return b.select(added, b.binary("AddV2", rest, y), rest)


def _signs_differ(b: Builder, x: Operand, y: Operand) -> Tensor:
    return b.compare("NotEqual", b.compare("Less", x, 0.0), b.compare("Less", y, 0.0))


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(_BINARY, binary),
    **dict.fromkeys(_EXTREMES, extreme),
    "ABS": absolute,
    "DIV": divide,
    "FLOOR_MOD": floor_mod,
    "NEG": negative,
    "SIGN": sign,
    "SQUARE": square,
    "SQUARED_DIFFERENCE": squared_difference,
}
