"""Comparisons, logic, and what floats can be beside numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .unsigned import FLOAT8, ordered

if TYPE_CHECKING:
    from torch.fx import Node

_COMPARISONS: Final[Mapping[str, Callable[..., Any]]] = {
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
}
_LOGIC: Final[Mapping[str, Callable[..., Any]]] = {
    "And": torch.logical_and,
    "Not": torch.logical_not,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
}


def compare(call: Call[Node], b: Builder) -> Node:
    """Compare two operands that broadcast."""
    return b.call(_COMPARISONS[call.op], *(ordered(b, call[index], call.dtype()) for index in range(2)))


def logic(call: Call[Node], b: Builder) -> Node:
    """Work on booleans that broadcast."""
    return b.call(_LOGIC[call.op], *call.all())


def is_nan(call: Call[Node], b: Builder) -> Node:
    """IsNaN."""
    return b.call(torch.isnan, _computed(call, b))


def is_infinite(call: Call[Node], b: Builder) -> Node:
    """IsInf, of the signs that are asked for."""
    x = _computed(call, b)
    match call.integer("detect_negative", 1), call.integer("detect_positive", 1):
        case 0, 0:
            return b.call(torch.zeros_like, x, dtype=torch.bool)
        case 0, _:
            return b.call(torch.eq, x, float("inf"))
        case _, 0:
            return b.call(torch.eq, x, float("-inf"))
        case _:
            return b.call(torch.isinf, x)


def _computed(call: Call[Node], b: Builder) -> Node:
    """Give floats in a dtype that PyTorch computes in: float32 has all floats of 8 bits."""
    return b.call(torch.Tensor.to, call[0], torch.float32) if call.dtype() in FLOAT8 else call[0]


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_COMPARISONS, compare),
    **dict.fromkeys(_LOGIC, logic),
    "IsInf": is_infinite,
    "IsNaN": is_nan,
}
