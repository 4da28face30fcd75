"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Arguments, Array
from .dtype_names import dtype_named
from .operation import Implementation
from .precision import widened
from .rounding import rounded

Reduction = Callable[[Array, tuple[int, ...] | None, bool], Any]


def _over_axes(function: Reduction) -> Implementation:
    """Reduce over `axes`, all where none are given, in float32 at least; whole numbers in their own type."""

    def implementation(a: Arguments) -> Array:
        axes = a.ints("axes") if "axes" in a else None
        return rounded(function(widened(a["x"]), axes, a.flag("keep_dims", False)), a["x"].dtype)

    return implementation


def _sum(x: Array, axes: tuple[int, ...] | None, keep: bool) -> Any:
    return np.sum(x, axis=axes, keepdims=keep, dtype=x.dtype)


def _mean(x: Array, axes: tuple[int, ...] | None, keep: bool) -> Any:
    return np.mean(x, axis=axes, keepdims=keep)


def _log_sum_exp(x: Array, axes: tuple[int, ...] | None, keep: bool) -> Any:
    top = np.max(x, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # exp(-inf - -inf) is NaN
    logs = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    return logs if keep else np.squeeze(logs, axes if axes is not None else tuple(range(x.ndim)))


def _place(function: Callable[..., Any]) -> Implementation:
    """Give the place of an extreme along one axis; of equal ones the first (which one is not documented)."""

    def implementation(a: Arguments) -> Array:
        places = function(a["x"], axis=a.integer("axis", -1), keepdims=a.flag("keep_dims", False))
        return np.asarray(places).astype(dtype_named(a.text("output_dtype", "int32")))

    return implementation


def cumsum(a: Arguments) -> Array:
    """Sum up along an axis; `exclusive` sums stop before each element, `reverse` ones begin at the end."""
    x, axis = widened(a["x"]), a.integer("axis", 0)
    backwards = a.flag("reverse", False)
    if backwards:
        x = np.flip(x, axis)
    sums = np.cumsum(x, axis, dtype=x.dtype)
    if a.flag("exclusive", False):
        last = x.shape[axis] - 1
        start = np.zeros_like(np.take(x, [0], axis))
        sums = np.concatenate([start, np.take(sums, range(last), axis)], axis)
    return rounded(np.flip(sums, axis) if backwards else sums, a["x"].dtype)


OPERATIONS: dict[str, Implementation] = {
    "cumsum": cumsum,
    "reduce_argmax": _place(np.argmax),
    "reduce_argmin": _place(np.argmin),
    "reduce_l1_norm": _over_axes(lambda x, axes, keep: _sum(np.abs(x), axes, keep)),
    "reduce_l2_norm": _over_axes(lambda x, axes, keep: np.sqrt(_sum(np.square(x), axes, keep))),
    "reduce_log_sum": _over_axes(lambda x, axes, keep: np.log(_sum(x, axes, keep))),
    "reduce_log_sum_exp": _over_axes(_log_sum_exp),
    "reduce_max": _over_axes(lambda x, axes, keep: np.max(x, axis=axes, keepdims=keep)),
    "reduce_mean": _over_axes(_mean),
    "reduce_min": _over_axes(lambda x, axes, keep: np.min(x, axis=axes, keepdims=keep)),
    "reduce_prod": _over_axes(lambda x, axes, keep: np.prod(x, axis=axes, keepdims=keep, dtype=x.dtype)),
    "reduce_sum": _over_axes(_sum),
    "reduce_sum_square": _over_axes(lambda x, axes, keep: _sum(np.square(x), axes, keep)),
}
