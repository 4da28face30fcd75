"""Small steps that many lowerings take: constants of another value's dtype, views, pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Array, Builder, Var, type_name

_NUMPY = {"fp32": np.float32, "fp16": np.float16, "int32": np.int32, "bool": np.bool_}


def like(x: Var, number: Any) -> Array:
    """Give numbers in the dtype of `x`."""
    return np.asarray(number, _NUMPY[type_name(x)])


def is_float(x: Var) -> bool:
    """Whether a value is of fp32 or fp16."""
    return type_name(x) in ("fp32", "fp16")


def transposed(b: Builder, x: Var, order: Sequence[int]) -> Var:
    """Give `x` with its axes in another order."""
    return x if [*order] == [*range(len(order))] else b.op("transpose", x=x, perm=[*order])


def moved(b: Builder, x: Var, axis: int, place: int) -> Var:
    """Give `x` with one axis at another place, the others in their order."""
    order = [other for other in range(len(x.shape)) if other != axis]
    order.insert(place, axis)
    return transposed(b, x, order)


def reshaped(b: Builder, x: Var, shape: Sequence[int]) -> Var:
    """Give `x` in another shape; −1 stands for what is left."""
    if tuple(x.shape) == tuple(shape):
        return x
    return b.op("reshape", x=x, shape=[*shape]) if shape else b.op("squeeze", x=x)  # `reshape` takes no empty list


def part(b: Builder, x: Var, axis: int, start: int, stop: int, step: int = 1) -> Var:
    """Give the elements start, start + step, … before `stop` of one axis."""
    if (start, stop, step) == (0, x.shape[axis], 1):
        return x
    rank = len(x.shape)
    others = [other != axis % rank for other in range(rank)]
    return b.op(
        "slice_by_index",
        x=x,
        begin=[0 if other else start for other in others],
        end=[0 if other else stop for other in others],
        stride=None if step == 1 else [1 if other else step for other in others],
        begin_mask=others,
        end_mask=others,
    )


def cut(b: Builder, x: Var, count: int, axis: int = -1) -> list[Var]:
    """Cut an axis into `count` parts of the same size."""
    return [x] if count == 1 else [*b.op("split", x=x, num_splits=count, axis=axis)]


def concatenated(b: Builder, values: Sequence[Var], axis: int) -> Var:
    """Join values along an axis."""
    return values[0] if len(values) == 1 else b.op("concat", values=[*values], axis=axis)


def padded(b: Builder, x: Var, pads: Sequence[tuple[int, int]], number: float = 0.0) -> Var:
    """Give float `x` with `pads` elements of a number before and after its last axes."""
    if not any(before or after for before, after in pads):
        return x
    flat = [size for pair in pads for size in pair]
    return b.op("pad", x=x, pad=np.array(flat, np.int32), mode="constant", constant_val=float(number))
