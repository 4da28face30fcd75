"""Arithmetic, element by element."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .numbers import remember
from .unsigned import SIGNED, by_bits, by_order

if TYPE_CHECKING:
    from torch.fx import Node

_UNARY: Mapping[str, Callable[..., Any]] = {
    name: getattr(torch, name.lower())
    for name in (
        *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Log"),
        *("Neg", "Reciprocal", "Round", "Sin", "Sinh", "Sqrt", "Tan", "Tanh"),
    )
}
"""ONNX operator → PyTorch's function of one operand with the same meaning; `round` goes to even as ONNX's does."""

_BY_BITS: Mapping[str, Callable[..., Any]] = {"Add": torch.add, "Mul": torch.mul, "Sub": torch.sub, "Sum": torch.add}
_BY_ORDER: Mapping[str, Callable[..., Any]] = {"Max": torch.maximum, "Min": torch.minimum}
"""ONNX operator → PyTorch's function of two operands that broadcast; some take more, in turn."""


def unary(call: Call[Node], b: Builder) -> Node:
    """Work on one operand, keeping shape and dtype."""
    return b.call(_UNARY[call.op], call[0])


def binary(call: Call[Node], b: Builder) -> Node:
    """Work on operands that broadcast, in turn. Integers wrap around."""
    result = reduce(lambda x, y: by_bits(b, _BY_BITS[call.op], call.dtype(), x, y), call.all())
    return remember(call, b, result)


def extreme(call: Call[Node], b: Builder) -> Node:
    """Max and Min, in turn; what is NaN stays so."""
    result = reduce(lambda x, y: by_order(b, _BY_ORDER[call.op], call.dtype(), x, y), call.all())
    return remember(call, b, result)


def mean(call: Call[Node], b: Builder) -> Node:
    """Average operands that broadcast."""
    operands = call.all()
    total = reduce(lambda x, y: b.call(torch.add, x, y), operands)
    return b.call(torch.div, total, len(operands)) if len(operands) > 1 else total


def absolute(call: Call[Node], b: Builder) -> Node:
    """Abs; the lowest number of a signed dtype stays what it is."""
    return call[0] if call.dtype() in SIGNED else b.call(torch.abs, call[0])


def sign(call: Call[Node], b: Builder) -> Node:
    """Sign."""
    x, dtype = call[0], call.dtype()
    if dtype in SIGNED:  # as good as a signed one, whose sign is cut to whether it is zero
        return b.call(unequal_to_zero, x, SIGNED[dtype])
    return b.call(torch.sign, x)


def unequal_to_zero(x: torch.Tensor, signed: torch.dtype) -> torch.Tensor:
    """Give 1 for what has a bit set, 0 for what has none, in the dtype of x."""
    return (x.view(signed) != 0).to(x.dtype)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(_BY_BITS, binary),
    **dict.fromkeys(_BY_ORDER, extreme),
    "Abs": absolute,
    "Mean": mean,
    "Sign": sign,
}
