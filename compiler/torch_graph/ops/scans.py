"""Sums and products along an axis up to each element."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .numbers import number
from .unsigned import SIGNED, by_bits, cooked, raw

if TYPE_CHECKING:
    from torch.fx import Node


def cumulative(call: Call[Node], b: Builder) -> Node:
    """CumSum and CumProd."""
    axis, dtype = number(call, b, 1, "axis"), call.dtype()
    exclusive, reverse = (bool(call.integer(name, 0)) for name in ("exclusive", "reverse"))
    work = _WORK[call.op, exclusive or reverse]
    if not exclusive and not reverse:  # the dtype is said, else it is int64
        held = SIGNED.get(dtype, TORCH_DTYPES[dtype])
        return cooked(b, b.call(work, raw(b, call[0], dtype), axis, dtype=held), dtype)
    return by_bits(b, work, dtype, call[0], axis=axis, exclusive=exclusive, reverse=reverse)


def summed(x: torch.Tensor, axis: int, exclusive: bool, reverse: bool) -> torch.Tensor:
    """Sum up along an axis, without the element itself (`exclusive`), from the end (`reverse`)."""
    x = x.flip(axis) if reverse else x
    x = torch.cumsum(_later(x, axis, 0) if exclusive else x, axis, dtype=x.dtype)
    return x.flip(axis) if reverse else x


def multiplied(x: torch.Tensor, axis: int, exclusive: bool, reverse: bool) -> torch.Tensor:
    """Multiply up along an axis, without the element itself (`exclusive`), from the end (`reverse`)."""
    x = x.flip(axis) if reverse else x
    x = torch.cumprod(_later(x, axis, 1) if exclusive else x, axis, dtype=x.dtype)
    return x.flip(axis) if reverse else x


def _later(x: torch.Tensor, axis: int, first: int) -> torch.Tensor:
    """Move the elements along an axis by one; a number comes before them."""
    shape = list(x.shape)
    shape[axis] = 1
    return torch.cat([x.new_full(shape, first), x], axis).narrow(axis, 0, x.size(axis))


_WORK: Final[Mapping[tuple[str, bool], Callable[..., torch.Tensor]]] = {
    ("CumProd", False): torch.cumprod,
    ("CumProd", True): multiplied,
    ("CumSum", False): torch.cumsum,
    ("CumSum", True): summed,
}
"""Operator, and whether it is exclusive or from the end → the function that does it."""

LOWERINGS: dict[str, Lowering] = {"CumProd": cumulative, "CumSum": cumulative}
