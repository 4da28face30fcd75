"""Choices among elements: by mask, by rank, by place."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .suppression import non_maximum_suppression


def select(a: Arguments) -> Array:
    """Take from `a` where `cond` holds, else from `b`; without both the places where it holds, `int32[n, rank]`."""
    cond = a["cond"]
    if "a" not in a and "b" not in a:
        return np.argwhere(cond).astype(np.int32)
    yes, no = a["a"], a["b"]
    if yes.dtype != no.dtype:
        raise ValueError(f"{yes.dtype} and {no.dtype} are two types")
    return np.where(cond, yes, no)


def ranked(x: Array, axis: int, order: str) -> Array:
    """Give the indices that sort `x`, `ascending` or `descending`; of equal values the first comes first.

    The documentation does not say which of equal values comes first. NaN counts as the largest.
    """
    if order == "ascending":
        return np.argsort(x, axis, kind="stable")
    backwards = np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    indices: Array = x.shape[axis] - 1 - backwards
    return indices


def _order(a: Arguments) -> str:
    return "ascending" if a.flag("ascending", False) else "descending"


def argsort(a: Arguments) -> Array:
    """Give the indices that sort `x` along `axis`, int32."""
    return ranked(a["x"], a.integer("axis", -1), _order(a)).astype(np.int32)


def topk(a: Arguments) -> Array | tuple[Array, Array]:
    """Give the `k` largest (or smallest) elements along `axis`, sorted, and their indices.

    `k` of -1 is all (iOS 17). Without `sort` any order is right; this one is.
    """
    x, k, axis = a["x"], a.integer("k", 1), a.integer("axis", -1)
    size = x.shape[axis]
    if not (0 <= k <= size or k == -1):
        raise ValueError(f"{k} of {size} elements")
    indices = np.take(ranked(x, axis, _order(a)), range(size if k == -1 else k), axis)
    values = np.take_along_axis(x, indices, axis)
    if not a.flag("return_indices", True):
        return values
    dtype = np.dtype(a.text("output_indices_dtype", "int32"))
    return values, indices.astype(dtype)


def non_zero(a: Arguments) -> Array:
    """Give the places of the elements that are not zero, row by row: `int32[n, rank]`."""
    return np.argwhere(a["x"]).astype(np.int32)


def one_hot(a: Arguments) -> Array:
    """Give vectors of `off_value` with `on_value` where the index says, along a new axis.

    Raises:
        ValueError: when an index is negative or too large: the documentation does not say what its vector is.
    """
    indices, depth = a["indices"], a.integer("one_hot_vector_size")
    if ((indices < 0) | (indices >= depth)).any():
        raise ValueError(f"an index lies outside of [0, {depth})")
    given = [value for value in (a.get("on_value"), a.get("off_value")) if value is not None]
    dtype = np.asarray(given[0]).dtype if given else np.dtype(np.int32)
    axis = a.integer("axis", -1) % (indices.ndim + 1)
    a.agreed((*indices.shape[:axis], depth, *indices.shape[axis:]))
    places = np.arange(depth).reshape(*(-1 if other == axis else 1 for other in range(indices.ndim + 1)))
    hot = np.expand_dims(indices, axis) == places
    on, off = a.values.get("on_value", 1), a.values.get("off_value", 0)
    return np.where(hot, np.asarray(on, dtype), np.asarray(off, dtype)).astype(dtype, copy=False)


OPERATIONS: dict[str, Implementation] = {
    "argsort": argsort,
    "non_maximum_suppression": non_maximum_suppression,
    "non_zero": non_zero,
    "one_hot": one_hot,
    "select": select,
    "topk": topk,
}
