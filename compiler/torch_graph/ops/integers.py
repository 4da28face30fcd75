"""Quotients, remainders and powers, exact where they are of integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
import torch

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .numbers import remember
from .unsigned import SIGNED, narrowed, widened

if TYPE_CHECKING:
    from torch.fx import Node

_MOD_OF_FLOATS = 27
"""The opset from which on Mod of floats needs no fmod."""


def divide(call: Call[Node], b: Builder) -> Node:
    """Div; integers are rounded towards zero."""
    x, y, dtype = call[0], call[1], call.dtype()
    if dtype.is_floating_point():
        return b.call(torch.div, x, y)
    if dtype == ir.DataType.UINT64:
        return b.call(quotient_uint64, x, y)
    x, y = widened(b, x, dtype), widened(b, y, dtype)
    if _may_overflow(call):
        return remember(call, b, b.call(quotient_signed, x, y))
    return remember(call, b, narrowed(b, b.call(torch.div, x, y, rounding_mode="trunc"), dtype))


def _may_overflow(call: Call[Node]) -> bool:
    """Whether the lowest number may be divided by −1: that has no result, and the processor stops the program."""
    if call.dtype() not in (ir.DataType.INT32, ir.DataType.INT64):
        return False
    return not call.is_constant(1) or bool((call.constant(1, "divisor") == -1).any())


def quotient_signed(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Divide int32 or int64, rounded towards zero; the lowest number by −1 stays what it is."""
    opposite = y == -1
    return torch.where(opposite, -x, torch.div(x, torch.where(opposite, 1, y), rounding_mode="trunc"))


def quotient_uint64(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Divide uint64 by what int64 can do: half of x, twice the quotient, and one more where that still fits.

    Source: H. S. Warren, "Hacker's Delight" (2012), 9-3.
    """
    n, d = x.view(torch.int64), y.view(torch.int64)
    lowest = torch.iinfo(torch.int64).min
    large = d < 0  # from 2⁶³ on, which fits once or not at all
    small = torch.where(large, 1, d)
    half = (n >> 1) & torch.iinfo(torch.int64).max
    quotient = torch.div(half, small, rounding_mode="trunc") << 1
    rest = n - quotient * small
    once_more = (rest ^ lowest) >= (small ^ lowest)
    fits = ((n ^ lowest) >= (d ^ lowest)).to(torch.int64)
    return torch.where(large, fits, quotient + once_more.to(torch.int64)).view(torch.uint64)


def remainder(call: Call[Node], b: Builder) -> Node:
    """Mod: with the sign of the divisor, or of the dividend (`fmod`)."""
    x, y, dtype = call[0], call[1], call.dtype()
    truncates = bool(call.integer("fmod", 0))
    if dtype.is_floating_point():
        if not truncates and call.opset < _MOD_OF_FLOATS:
            raise Refused("the remainder of floats needs fmod = 1")
        return b.call(torch.fmod if truncates else torch.remainder, x, y)
    if dtype == ir.DataType.UINT64:
        return b.call(remainder_uint64, x, y)
    work = torch.fmod if truncates and dtype not in SIGNED else torch.remainder
    return narrowed(b, b.call(work, widened(b, x, dtype), widened(b, y, dtype)), dtype)


def remainder_uint64(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Give what a division of uint64 leaves."""
    n, d = x.view(torch.int64), y.view(torch.int64)
    return (n - quotient_uint64(x, y).view(torch.int64) * d).view(torch.uint64)


def power(call: Call[Node], b: Builder) -> Node:
    """Pow; the result has the dtype of the base, also where the exponent is of a wider one."""
    x, base, exponent = call[0], call.dtype(), call.dtype(1)
    if base.is_floating_point():
        number = _only_number(call)
        if number is not None:
            return b.call(torch.pow, x, number)
        if exponent == ir.DataType.UINT64:
            return b.call(torch.pow, x, b.call(torch.Tensor.to, call[1], TORCH_DTYPES[base]))
        return _in(b, b.call(torch.pow, x, widened(b, call[1], exponent)), call, exponent)
    if exponent == ir.DataType.UINT64:
        raise Refused("powers of integers by uint64, which PyTorch does not compute with")
    y = widened(b, call[1], exponent)
    if exponent.is_floating_point():
        wide = (b.call(torch.Tensor.to, each, torch.float64) for each in (x, y))
        return b.call(torch.Tensor.to, b.call(torch.pow, *wide), TORCH_DTYPES[base])
    return _in(b, b.call(torch.pow, x, y), call, exponent)


def _only_number(call: Call[Node]) -> float | None:
    """Give an exponent that is one constant number and makes the result no larger; None for any other."""
    if not call.is_constant(1):
        return None
    exponents = call.constant(1, "exponent")
    return float(exponents.item()) if exponents.size == 1 and exponents.ndim <= call.rank() else None


def _in(b: Builder, y: Node, call: Call[Node], exponent: ir.DataType) -> Node:
    """Bring a power back into the dtype of the base, of which an exponent of a wider one has made more."""
    return y if exponent == call.dtype() else b.call(torch.Tensor.to, y, TORCH_DTYPES[call.dtype()])


LOWERINGS: dict[str, Lowering] = {
    "Div": divide,
    "Mod": remainder,
    "Pow": power,
}
