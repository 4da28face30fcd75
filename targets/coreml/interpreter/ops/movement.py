"""Operations that move elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation


def transpose(a: Arguments) -> Array:
    """Permute axes."""
    return np.transpose(a["x"], a.ints("perm"))


def concat(a: Arguments) -> Array:
    """Join tensors along an axis: one after the other, or an element of each in turn."""
    values, axis = a.list("values"), a.integer("axis")
    if not a.flag("interleave", False):
        return np.concatenate(values, axis)
    axis %= values[0].ndim
    shape = values[0].shape
    return np.stack(values, axis + 1).reshape(*shape[:axis], len(values) * shape[axis], *shape[axis + 1 :])


def split(a: Arguments) -> Sequence[Array]:
    """Cut a tensor into parts along an axis: of the sizes that are given, or as many alike as there are to be."""
    x, axis = a["x"], a.integer("axis")
    if "split_sizes" in a:
        sizes = a.ints("split_sizes")
        if (
            sum(sizes) != x.shape[axis]
            or min(sizes, default=0) < 0
            or a.integer("num_splits", len(sizes)) != len(sizes)
        ):
            raise ValueError(f"{x.shape[axis]} cannot be split into {list(sizes)}")
        return np.split(x, np.cumsum(sizes)[:-1], axis)
    return np.split(x, a.integer("num_splits"), axis)


def stack(a: Arguments) -> Array:
    """Join tensors along a new axis."""
    return np.stack(a.list("values"), a.integer("axis"))


def tile(a: Arguments) -> Array:
    """Repeat a tensor along each of its axes."""
    x, times = a["x"], a.ints("reps")
    if len(times) != x.ndim or min(times, default=1) < 0:
        raise ValueError(f"reps {list(times)} of {list(x.shape)}")
    a.agreed([size * count for size, count in zip(x.shape, times, strict=True)])
    return np.tile(x, times)


def pad(a: Arguments) -> Array:
    """Pad the last axes: with a value, a reflection (without the outermost element), or the outermost element.

    Raises:
        ValueError: when there are more pads than axes, or more are reflected than there are.
    """
    x, pads, mode = a["x"], a.ints("pad"), a.text("mode", "constant")
    if len(pads) % 2 or len(pads) > 2 * x.ndim or min(pads, default=0) < 0:
        raise ValueError(f"pad {list(pads)} of {list(x.shape)}")
    pairs = [(0, 0)] * (x.ndim - len(pads) // 2) + list(zip(pads[::2], pads[1::2], strict=True))
    a.agreed([size + before + after for size, (before, after) in zip(x.shape, pairs, strict=True)])
    if mode == "constant":
        value = a["constant_val"] if "constant_val" in a else np.zeros((), x.dtype)
        return np.pad(x, pairs, constant_values=value.astype(x.dtype).item())
    if mode not in ("reflect", "replicate"):
        raise ValueError(f"unknown mode {mode!r}")
    most = -1 if mode == "reflect" else 0
    for size, pair in zip(x.shape, pairs, strict=True):
        if max(pair) > max(size + most, 0):
            raise ValueError(f"pad {list(pads)} of {list(x.shape)} is more than {mode} has to give")
    return np.pad(x, pairs, mode="reflect") if mode == "reflect" else np.pad(x, pairs, mode="edge")


def reverse(a: Arguments) -> Array:
    """Turn axes around, all where none are named."""
    return np.flip(a["x"], a.ints("axes") if "axes" in a else None)


def reverse_sequence(a: Arguments) -> Array:
    """Turn the first `lengths[i]` elements around of the i-th part along the batch axis."""
    x, lengths = a["x"], a.ints("lengths")
    time, batch = a.integer("seq_axis", 0), a.integer("batch_axis", 0)
    moved = np.moveaxis(x, (batch, time), (0, 1))
    result = np.array(moved)
    for place, length in enumerate(lengths):
        if not 0 <= length <= moved.shape[1]:
            raise ValueError(f"length {length} of a sequence of {moved.shape[1]}")
        result[place, :length] = moved[place, :length][::-1]
    return np.moveaxis(result, (0, 1), (batch, time))


def band_part(a: Arguments) -> Array:
    """Keep a band about the diagonal of each matrix; a negative number keeps all on that side."""
    x, lower, upper = a["x"], a.integer("lower", -1), a.integer("upper", -1)
    rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
    band = (lower < 0) | (rows - columns <= lower)
    band = band & ((upper < 0) | (columns - rows <= upper))
    return np.where(band, x, np.zeros((), x.dtype))


def sliding_windows(a: Arguments) -> Array:
    """Give windows along an axis: the axis counts windows, the next one goes through a window."""
    x, size, stride = a["x"], a.integer("size"), a.integer("stride", 1)
    axis = a.integer("axis") % x.ndim
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis)  # the window's own axis comes last
    steps = [slice(None)] * axis + [slice(None, None, stride)]
    return np.moveaxis(windows[tuple(steps)], -1, axis + 1)


OPERATIONS: dict[str, Implementation] = {
    "band_part": band_part,
    "concat": concat,
    "pad": pad,
    "reverse": reverse,
    "reverse_sequence": reverse_sequence,
    "sliding_windows": sliding_windows,
    "split": split,
    "stack": stack,
    "tile": tile,
    "transpose": transpose,
}
