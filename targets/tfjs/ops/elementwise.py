"""Arithmetic, element by element."""

from __future__ import annotations

from ..builder import Builder
from ..call import Call
from ..graph import Tensor
from .lowering import Lowering

_UNARY = {
    "ABS": "Abs",
    "CEIL": "Ceil",
    "COS": "Cos",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "LOG": "Log",
    "RSQRT": "Rsqrt",
    "SIN": "Sin",
    "SQRT": "Sqrt",
}
"""Operator of the dialect → TF.js operator of one operand with the same meaning."""


def unary(call: Call, b: Builder) -> Tensor:
    """Work on one operand, keeping shape and dtype."""
    return b.unary(_UNARY[call.op], call[0])


LOWERINGS: dict[str, Lowering] = {**dict.fromkeys(_UNARY, unary)}
