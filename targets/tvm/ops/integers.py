"""Integers less their zero points, as the factors of sums of products; exact whatever they are computed in."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....compiler.lowering.call import Call
from ....compiler.model import dtype_name
from ..builder import Builder, Expr
from .pieces import cast, minus, reshaped

FLOAT32_EXACT: Final = 1 << 24
"""Whole numbers up to this magnitude are exact in float32."""


def working_dtype(
    call: Call[Expr],
    values: tuple[int, int],
    zeros: tuple[int, int],
    zero_shape: tuple[int, ...],
    summed: tuple[int, ...],
) -> str:
    """Give what sums of products of two inputs are computed in: float32 where it holds every sum, else int32.

    Reals have schedules: a convolution of int32 took 170 times as long as one of float32 here. `zero_shape` is how the
    zero point of the second input, a constant weight, broadcasts over it; its axes `summed` are summed over.
    """
    if not call.is_constant(values[1]) or (call.has(zeros[1]) and not call.is_constant(zeros[1])):
        return "int32"
    weight = np.abs(_centred(call, values[1], zeros[1], zero_shape, np.int64))
    reach = int(weight.sum(axis=summed).max(initial=0)) * _farthest(call, values[0], zeros[0])
    return "float32" if reach <= FLOAT32_EXACT else "int32"


def _farthest(call: Call[Expr], index: int, zero: int) -> int:
    """Give how far from its zero point an input can be."""
    ends = np.iinfo(dtype_name(call.dtype(index)))
    if call.has(zero) and not call.is_constant(zero):
        return int(ends.max) - int(ends.min)
    points = call.constant(zero, "zero point") if call.has(zero) else np.zeros(1)
    return max(int(ends.max) - int(points.min()), int(points.max()) - int(ends.min))


def without_zero(call: Call[Expr], b: Builder, index: int, zero: int, shape: tuple[int, ...], dtype: str) -> Expr:
    """Give an integer input minus its zero point, which takes `shape` where it is several numbers."""
    if call.is_constant(index) and (not call.has(zero) or call.is_constant(zero)):
        return b.const(_centred(call, index, zero, shape, np.int32), dtype)
    x = cast(b, call[index], dtype)
    if not call.has(zero) or (call.is_constant(zero) and not call.constant(zero, "zero point").any()):
        return x
    count = math.prod(call.shape(zero))
    whole = [count if size == -1 else size for size in shape] if count > 1 else ()
    return minus(b, x, reshaped(b, cast(b, call[zero], dtype), whole))


def _centred(call: Call[Expr], index: int, zero: int, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    array = call.constant(index, "integers").astype(dtype)
    if not call.has(zero):
        return array
    point = call.constant(zero, "zero point").astype(dtype)
    centred: NDArray[Any] = array - point.reshape(shape if point.size > 1 else ())
    return centred
