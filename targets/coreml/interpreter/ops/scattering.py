"""Scatters: `data` with `updates` written, or joined by arithmetic, where `indices` say."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Arguments, Array
from .indices import along, checked, sliced
from .operation import Implementation
from .precision import narrowed, widened

JOINS: dict[str, np.ufunc] = {
    "add": np.add,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "sub": np.subtract,
}


def scatter(a: Arguments) -> Array:
    """Scatter slices along `axis`: `indices: [C]`, `updates` as `data` with `C` along it.

    Raises:
        ValueError: without `mode`, whose default the documentation and the builder of coremltools name differently.
    """
    data = a["data"]
    axis = a.integer("axis", 0) % data.ndim
    indices = checked(a, a["indices"][..., None], [data.shape[axis]])[..., 0]
    return _scattered(a, (*(slice(None),) * axis, indices), a.text("mode"))


def scatter_along_axis(a: Arguments) -> Array:
    """Scatter single elements along `axis`; `indices` and `updates` have one shape."""
    data, indices = a["data"], a["indices"]
    axis = a.integer("axis", 0) % data.ndim
    if indices.ndim != data.ndim or indices.shape != a["updates"].shape:
        raise ValueError(f"{indices.shape} does not fit {data.shape}")
    found = checked(a, indices[..., None], [data.shape[axis]])[..., 0]
    return _scattered(a, along(found, axis), a.text("mode", "add"))


def scatter_nd(a: Arguments) -> Array:
    """Scatter slices at the coordinates in the last axis of `indices`."""
    data, indices = a["data"], a["indices"]
    found = checked(a, indices, data.shape[: indices.shape[-1]])
    return _scattered(a, tuple(found[..., at] for at in range(indices.shape[-1])), a.text("mode", "add"))


def _scattered(a: Arguments, where: tuple[Any, ...], mode: str) -> Array:
    """Write or join; of one element that is named more than once every update counts.

    Raises:
        ValueError: when `update` writes different values to one element (the documentation does not say which stays),
            and for `div` of integers (it does not say how the quotient is rounded).
    """
    data, updates = a["data"], a["updates"]
    y = widened(data).copy()
    if y[where].shape != updates.shape:
        raise ValueError(f"updates {updates.shape} for {y[where].shape}")
    if mode == "update":
        y[where] = updates
        if not np.array_equal(y[where], widened(updates), equal_nan=updates.dtype.kind == "f"):
            raise ValueError("two updates of one element differ")
        return narrowed(y, data.dtype)
    if mode not in JOINS or (mode == "div" and data.dtype.kind != "f"):
        raise ValueError(f"mode {mode!r} of {data.dtype} is not documented")
    JOINS[mode].at(y, where, widened(updates))
    return narrowed(y, data.dtype)


def slice_update(a: Arguments) -> Array:
    """Give `x` with the slice that `slice_by_index` would take replaced by `update` (iOS 18)."""
    y = a["x"].copy()
    where = sliced(a, y.shape)
    if y[where].shape != a["update"].shape:
        raise ValueError(f"{a['update'].shape} for a slice of {y[where].shape}")
    y[where] = a["update"]
    return y


OPERATIONS: dict[str, Implementation] = {
    "scatter": scatter,
    "scatter_along_axis": scatter_along_axis,
    "scatter_nd": scatter_nd,
    "slice_update": slice_update,
}
