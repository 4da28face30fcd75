"""Comparisons, logic, choices, and what reals can be beside numbers."""

from __future__ import annotations

from typing import Final

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .elements import Element, elementwise
from .pieces import is_float, widened

_TWO: Final = {
    "And": "logical_and",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Or": "logical_or",
    "Xor": "logical_xor",
}
"""ONNX operator → Relax's. TVM's `not_equal` says that NaN differs from nothing: nothing here may use it for reals."""


def compare(call: Call[Expr], b: Builder) -> Expr:
    """Compare two operands that broadcast, or work on two booleans.

    TVM takes a value for equal to itself, which NaN is not, and makes no code of `==` between booleans.
    """
    if call.op == "Equal" and dtype_of(call[0]) == "bool":
        return _negated(b, b.op(relax().op.logical_xor, call[0], call[1]))
    if call[0].same_as(call[1]) and is_float(call[0]) and "Equal" in call.op:
        return _negated(b, is_nan(call, b))
    return b.op(getattr(relax().op, _TWO[call.op]), call[0], call[1])


def negation(call: Call[Expr], b: Builder) -> Expr:
    """Not."""
    return _negated(b, call[0])


def _negated(b: Builder, x: Expr) -> Expr:
    """Say the opposite by way of a number: TVM makes `y <= x` of the opposite of `x < y`, and for NaN neither holds."""
    return elementwise(b, "not", lambda x: x.astype("uint8") == tirx().const(0, "uint8"), x)


def is_nan(call: Call[Expr], b: Builder) -> Expr:
    """IsNaN."""
    return elementwise(b, "isnan", tirx().isnan, widened(b, call[0]))


def is_infinite(call: Call[Expr], b: Builder) -> Expr:
    """IsInf, of the signs that are asked for."""
    signs = [sign for sign, name in ((-1, "detect_negative"), (1, "detect_positive")) if call.integer(name, 1)]

    def element(x: Element) -> Element:
        infinity = tirx().infinity(str(x.ty.dtype))
        found = [x == (infinity if sign > 0 else -infinity) for sign in signs]
        return tirx().any(*found) if found else tirx().const(False, "bool")

    return elementwise(b, "isinf", element, widened(b, call[0]))


def where(call: Call[Expr], b: Builder) -> Expr:
    """Where."""
    return b.op(relax().op.where, call[0], call[1], call[2])


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_TWO, compare),
    "IsInf": is_infinite,
    "IsNaN": is_nan,
    "Not": negation,
    "Where": where,
}
