"""Operations on the bits of integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .unsigned import SIGNED, by_bits

if TYPE_CHECKING:
    from torch.fx import Node

_BITWISE: Final[Mapping[str, Callable[..., Any]]] = {
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseNot": torch.bitwise_not,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}


def bitwise(call: Call[Node], b: Builder) -> Node:
    """BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot."""
    return by_bits(b, _BITWISE[call.op], call.dtype(), *call.all())


def bit_shift(call: Call[Node], b: Builder) -> Node:
    """BitShift. Places below zero or beyond the width leave nothing, but the sign of a number shifted right."""
    left, dtype = call.text("direction", "") == "LEFT", call.dtype()
    signed = SIGNED.get(dtype)
    if left:
        return b.call(shifted_left, call[0], call[1], signed or TORCH_DTYPES[dtype])
    if signed is None:
        return b.call(shifted_right, call[0], call[1])
    return b.call(shifted_right_by_bits, call[0], call[1], signed)


def shifted_left(x: torch.Tensor, places: torch.Tensor, computed: torch.dtype) -> torch.Tensor:
    """Shift bits towards the first one; `computed` has as many, and is what it is done in."""
    count = places.view(computed)
    inside = (count >= 0) & (count < 8 * computed.itemsize)
    moved = torch.bitwise_left_shift(x.view(computed), torch.where(inside, count, 0))
    return torch.where(inside, moved, 0).view(x.dtype)


def shifted_right(x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Shift bits towards the last one; what moves in is the sign, or zeros where there is none."""
    width = 8 * x.dtype.itemsize
    inside = (places >= 0) & (places < width)
    moved = torch.bitwise_right_shift(x, torch.where(inside, places, width - 1))
    return torch.where(inside | (x < 0), moved, 0)


def shifted_right_by_bits(x: torch.Tensor, places: torch.Tensor, signed: torch.dtype) -> torch.Tensor:
    """Shift bits of unsigned integers. After one place, with the first bit cleared, no sign is left to move in."""
    count, bits = places.view(signed), x.view(signed)
    inside = (count >= 0) & (count < 8 * signed.itemsize)
    first = (bits >> 1) & torch.iinfo(signed).max
    moved = torch.bitwise_right_shift(first, torch.where(inside & (count > 0), count - 1, 0))
    return torch.where(inside, torch.where(count == 0, bits, moved), 0).view(x.dtype)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_BITWISE, bitwise),
    "BitShift": bit_shift,
}
