"""Comparisons, logic and choice."""

from __future__ import annotations

from ..builder import Builder
from ..call import Call
from ..graph import Tensor
from .lowering import Lowering
from .rows import even

_COMPARE = {
    "EQUAL": "Equal",
    "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterEqual",
    "LESS": "Less",
    "LESS_EQUAL": "LessEqual",
    "NOT_EQUAL": "NotEqual",
}
"""Operator of the dialect → TF.js operator of two operands that gives bool."""

_LOGIC = {"LOGICAL_AND": "LogicalAnd", "LOGICAL_OR": "LogicalOr"}


def compare(call: Call, b: Builder) -> Tensor:
    """Compare two operands of one dtype."""
    return b.compare(_COMPARE[call.op], *even(call, b))


def logic(call: Call, b: Builder) -> Tensor:
    """Combine two operands of bool."""
    return b.binary(_LOGIC[call.op], call[0], call[1])


def logical_not(call: Call, b: Builder) -> Tensor:
    """Turn bool over."""
    return b.unary("LogicalNot", call[0])


def select(call: Call, b: Builder) -> Tensor:
    """Choose between two operands."""
    return b.select(call[0], call[1], call[2])


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_COMPARE, compare),
    **dict.fromkeys(_LOGIC, logic),
    "LOGICAL_NOT": logical_not,
    "SELECT_V2": select,
}
