"""Small steps that many lowerings share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..builder import Builder, Expr, dtype_of, shape_of
from ..toolkit import relax

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
"""The dtypes of reals that TVM computes in."""

HALVES = frozenset({"float16", "bfloat16"})
"""Reals of 16 bits: sums of them are kept in float32."""


def is_float(x: Expr) -> bool:
    """Whether a value holds reals."""
    return dtype_of(x) in FLOATS


def sizes_of(x: Expr) -> tuple[int, ...]:
    """Give the shape of a value, which is fixed in all that this target emits."""
    shape = shape_of(x)
    assert shape is not None, x
    return shape


def cast(b: Builder, x: Expr, dtype: str) -> Expr:
    """Give x in another dtype."""
    return x if dtype_of(x) == dtype else b.op(relax().op.astype, x, dtype)


def widened(b: Builder, x: Expr) -> Expr:
    """Give reals of 16 bits as float32, anything else as it is."""
    return cast(b, x, "float32") if dtype_of(x) in HALVES else x


def in_float32(work: Callable[[Expr], Expr], b: Builder, x: Expr) -> Expr:
    """Work on reals of 16 bits in float32, on others as they are; gives the dtype of x."""
    return cast(b, work(widened(b, x)), dtype_of(x))


def number(b: Builder, x: Expr, value: NDArray[Any] | float) -> Expr:
    """Give a constant in the dtype of x."""
    if dtype_of(x) == "bfloat16":
        return cast(b, b.const(np.asarray(value, np.float32)), "bfloat16")
    return b.const(np.asarray(value), dtype_of(x))


def reshaped(b: Builder, x: Expr, shape: Sequence[int]) -> Expr:
    """Give x in another shape of as many elements. Relax takes a size of 0 for that of the axis before."""
    if 0 in shape:
        return b.const(np.zeros(tuple(shape), np.bool_), dtype_of(x))
    return x if sizes_of(x) == tuple(shape) else b.op(relax().op.reshape, x, tuple(shape))


def transposed(b: Builder, x: Expr, order: Sequence[int]) -> Expr:
    """Give x with its axes in another order."""
    return x if [*order] == [*range(len(order))] else b.op(relax().op.permute_dims, x, [*order])


def moved(b: Builder, x: Expr, source: int, target: int) -> Expr:
    """Give x with one axis at another place."""
    order = [axis for axis in range(len(sizes_of(x))) if axis != source]
    order.insert(target, source)
    return transposed(b, x, order)


def part(b: Builder, x: Expr, axis: int, start: int, stop: int) -> Expr:
    """Give the elements from `start` to `stop` along an axis."""
    if (start, stop) == (0, sizes_of(x)[axis]):
        return x
    return b.op(relax().op.strided_slice, x, axes=[axis], begin=[start], end=[stop])


def by_channel(b: Builder, parameter: Expr, rank: int) -> Expr:
    """Give a parameter [C] in a shape that broadcasts over [N, C, spatial…] of that rank."""
    return reshaped(b, parameter, (*sizes_of(parameter), *[1] * (rank - 2)))


def plus(b: Builder, x: Expr, y: Expr) -> Expr:
    """Add."""
    return b.op(relax().op.add, x, y)


def minus(b: Builder, x: Expr, y: Expr) -> Expr:
    """Subtract."""
    return b.op(relax().op.subtract, x, y)


def times(b: Builder, x: Expr, y: Expr) -> Expr:
    """Multiply."""
    return b.op(relax().op.multiply, x, y)
