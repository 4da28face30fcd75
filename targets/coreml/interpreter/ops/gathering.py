"""Gathers and slices."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .indices import along, checked, sliced
from .operation import Implementation


def gather(a: Arguments) -> Array:
    """Take slices of `x` along `axis`: `x.shape[:axis] + indices.shape[batch_dims:] + x.shape[axis + 1:]`.

    `batch_dims` (iOS 16): the leading axes of `x` and `indices` are the same, each item takes by its own indices.
    """
    x, batch = a["x"], a.integer("batch_dims", 0)
    axis = a.integer("axis", 0) % x.ndim
    if batch > axis:
        raise ValueError(f"axis {axis} is one of the {batch} batch axes")
    indices = checked(a, a["indices"][..., None], [x.shape[axis]])[..., 0]
    if batch == 0:
        return np.asarray(np.take(x, indices, axis))
    items = int(np.prod(x.shape[:batch]))
    flat = np.moveaxis(x.reshape(items, *x.shape[batch:]), axis - batch + 1, 1)
    taken = flat[np.arange(items)[:, None], indices.reshape(items, -1)]
    taken = np.moveaxis(taken, 1, axis - batch + 1)
    return taken.reshape(*x.shape[:axis], *indices.shape[batch:], *x.shape[axis + 1 :])


def gather_along_axis(a: Arguments) -> Array:
    """Take single elements along `axis`; the result has the shape of `indices`, whose other axes are those of `x`."""
    x, indices = a["x"], a["indices"]
    axis = a.integer("axis", 0) % x.ndim
    others = [size for other, size in enumerate(indices.shape) if other != axis]
    if indices.ndim != x.ndim or others != [size for other, size in enumerate(x.shape) if other != axis]:
        raise ValueError(f"{indices.shape} does not fit {x.shape}")
    found: Array = x[along(checked(a, indices[..., None], [x.shape[axis]])[..., 0], axis)]
    return found


def gather_nd(a: Arguments) -> Array:
    """Take slices by the coordinates in the last axis of `indices`: `indices.shape[:-1] + x.shape[batch + K:]`."""
    x, indices, batch = a["x"], a["indices"], a.integer("batch_dims", 0)
    depth = indices.shape[-1]
    found = checked(a, indices, x.shape[batch : batch + depth])
    shape = indices.shape[:-1]
    items = [
        np.arange(size).reshape(*(-1 if axis == at else 1 for axis in range(len(shape))))
        for at, size in enumerate(shape[:batch])
    ]
    return np.asarray(x[(*items, *(found[..., at] for at in range(depth)))])


def slice_by_index(a: Arguments) -> Array:
    """Slice as NumPy does, with masks for open ends and single indices."""
    return np.asarray(a["x"][sliced(a, a["x"].shape)])


def slice_by_size(a: Arguments) -> Array:
    """Take `size` elements from `begin` on along each axis; -1 is all that follow, a negative begin is from the end.

    Raises:
        ValueError: when the slice leaves the input.
    """
    x = a["x"]
    slices = []
    for begin, size, length in zip(a.ints("begin"), a.ints("size"), x.shape, strict=True):
        first = begin + length if begin < 0 else begin
        last = length if size == -1 else first + size
        if not 0 <= first <= last <= length:
            raise ValueError(f"{size} elements from {begin} of {length}")
        slices.append(slice(first, last))
    return x[tuple(slices)]


OPERATIONS: dict[str, Implementation] = {
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gather_nd": gather_nd,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
}
