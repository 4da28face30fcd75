"""Comparisons, logic and what floats can be beside numbers."""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Var, type_name
from ..call import Call
from .lowering import Lowering

_COMPARISONS = {
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
}
_LOGIC = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}


def compare(call: Call, b: Builder) -> Var:
    """Compare two operands that broadcast."""
    x, y = call[0], call[1]
    if type_name(x) == "bool":  # Equal alone is of booleans too; MIL's is not
        return b.op("logical_not", b.op("logical_xor", x, y))
    return b.op(_COMPARISONS[call.op], x, y)


def logic(call: Call, b: Builder) -> Var:
    """Work on two booleans that broadcast."""
    return b.op(_LOGIC[call.op], call[0], call[1])


def negation(call: Call, b: Builder) -> Var:
    """Not."""
    return b.op("logical_not", call[0])


def is_nan(call: Call, b: Builder) -> Var:
    """IsNaN: what differs from itself."""
    return b.op("not_equal", call[0], call[0])


def is_infinite(call: Call, b: Builder) -> Var:
    """IsInf, of the signs that are asked for."""
    x: Any = call[0]
    match call.integer("detect_negative", 1), call.integer("detect_positive", 1):
        case 0, 0:
            itself = b.op("equal", x, x)
            return b.op("logical_xor", itself, itself)
        case 0, _:
            return b.op("equal", x, float("inf"))
        case _, 0:
            return b.op("equal", x, float("-inf"))
        case _:
            return b.op("equal", b.op("abs", x), float("inf"))


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_COMPARISONS, compare),
    **dict.fromkeys(_LOGIC, logic),
    "IsInf": is_infinite,
    "IsNaN": is_nan,
    "Not": negation,
}
