"""Arithmetic, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax

_BINARY: Mapping[str, str] = {"Add": "add", "Mul": "multiply", "Sub": "subtract", "Sum": "add"}
"""ONNX operator → Relax's of two operands that broadcast; some take more, in turn."""


def binary(call: Call[Expr], b: Builder) -> Expr:
    """Work on operands that broadcast, in turn."""
    operator = getattr(relax().op, _BINARY[call.op])
    return reduce(lambda x, y: b.op(operator, x, y), call.all())


LOWERINGS: dict[str, Lowering] = {**dict.fromkeys(_BINARY, binary)}
