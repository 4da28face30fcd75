"""Operands that broadcast along inner axes.

On wasm most elementwise kernels take 4 ns for each element where an operand repeats along outer axes that it does not
name, and 100 to 350 ns where it repeats along an axis of 1. Those of XNNPACK (AddV2, Sub, Mul, RealDiv) take 0.3 ns
for any axes, of float32 alone.
"""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..call import Call
from ..graph import DType, Tensor, shape_after

_WORTH = 4096
"""Elements of the result from which nodes more are worth it."""
_HELD_BY_FLOAT = 1 << 24


def even(call: Call, b: Builder) -> tuple[Tensor, Tensor]:
    """Give both operands of a comparison, spread out along inner axes where that is exact and worth it.

    Spread reals compare as those that they come from do: 0 is added to them. int32 become reals where one side is
    constant and below 2²⁴: rounding brings no number of the other side across it.
    """
    x, y = call[0], call[1]
    shape = shape_after(x.shape, y.shape)
    if np.prod(shape) < _WORTH or not (_repeats_inside(x, shape) or _repeats_inside(y, shape)):
        return x, y
    if x.dtype is DType.INT and any(_is_small(call, place) for place in (0, 1)):
        x, y = (_real(call, b, place) for place in (0, 1))
    if x.dtype is not DType.FLOAT:
        return x, y
    return _spread(b, x, shape), _spread(b, y, shape)


def _repeats_inside(x: Tensor, shape: tuple[int, ...]) -> bool:
    own = [*x.shape]
    while own and own[0] == 1:
        own.pop(0)
    return tuple(own) != shape[len(shape) - len(own) :]


def _is_small(call: Call, place: int) -> bool:
    if not call.is_constant(place):
        return False
    return bool(np.abs(call.constant(place, "operand").astype(np.int64)).max() < _HELD_BY_FLOAT)


def _real(call: Call, b: Builder, place: int) -> Tensor:
    if call.is_constant(place):
        return b.hold(call.constant(place, "operand").astype(np.float32))
    return b.cast(call[place], DType.FLOAT)


def _spread(b: Builder, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    if not _repeats_inside(x, shape):
        return x
    own = (1,) * (len(shape) - x.rank) + x.shape
    missing = [1 if size == full else full for size, full in zip(own, shape, strict=True)]
    return b.binary("AddV2", x, np.zeros(missing, np.float32))
