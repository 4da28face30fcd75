"""Shapes and what changes them; tensors made from a shape."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation

ZERO_FROM_THE_LEFT = ("CoreML5", "CoreML6")
"""Operation sets in which a 0 of `reshape` needs as many axes before as after; later it counts from the right."""


def reshape(a: Arguments) -> Array:
    """Reshape: -1 is what is left over, 0 the size that `x` has there.

    Raises:
        ValueError: when the numbers of elements differ.
    """
    x, wanted = a["x"], list(a.ints("shape"))
    if 0 in wanted and a.opset in ZERO_FROM_THE_LEFT and len(wanted) != x.ndim:
        raise ValueError(f"a 0 in {wanted} needs as many axes as {list(x.shape)} has in {a.opset}")
    for place, size in enumerate(wanted):
        axis = place - len(wanted) + x.ndim  # counted from the right
        if size == 0:
            wanted[place] = x.shape[axis] if axis >= 0 else 1
    if wanted.count(-1) > 1 or min(wanted, default=1) < -1:
        raise ValueError(f"{wanted} is no shape")
    return x.reshape(wanted)


def expand_dims(a: Arguments) -> Array:
    """Insert axes of size 1."""
    return np.expand_dims(a["x"], a.ints("axes"))


def squeeze(a: Arguments) -> Array:
    """Take axes of size 1 out; axes of another size stay, also where they are named (as in PyTorch)."""
    x = a["x"]
    named = [axis + x.ndim if axis < 0 else axis for axis in a.ints("axes", range(x.ndim))]
    if any(not 0 <= axis < x.ndim for axis in named):
        raise ValueError(f"axes {named} of {list(x.shape)}")
    return np.squeeze(x, tuple(axis for axis in set(named) if x.shape[axis] == 1))


def flatten2d(a: Arguments) -> Array:
    """Join the axes before `axis`, and those from it on."""
    x, axis = a["x"], a.integer("axis", 1)
    before = x.shape[:axis]
    return x.reshape(math.prod(before), -1) if x.size else x.reshape(math.prod(before), math.prod(x.shape[axis:]))


def reshape_like(a: Arguments) -> Array:
    """Reshape to parts of the shapes of other tensors."""
    sizes: list[int] = []
    parts = zip(a.list("ref_tensors"), a.list("begins"), a.list("ends"), a.list("end_masks"), strict=True)
    for reference, begin, end, to_the_end in parts:
        sizes.extend(reference.shape[int(begin) : None if bool(to_the_end) else int(end)])
    return a["x"].reshape(sizes)


def shape(a: Arguments) -> Array:
    """Give the sizes."""
    return np.array(a["x"].shape, np.int32)


def fill(a: Arguments) -> Array:
    """Make a tensor of one value, which is 0.0 where it is not given."""
    return _full(a, a.agreed(a.ints("shape")))


def fill_like(a: Arguments) -> Array:
    """Make a tensor of one value, of the shape of another."""
    return _full(a, a["ref_tensor"].shape)


def _full(a: Arguments, sizes: tuple[int, ...]) -> Array:
    value = a["value"] if "value" in a else np.zeros((), np.float32)
    return np.full(sizes, value.reshape(()), value.dtype)


def range_1d(a: Arguments) -> Array:
    """Make start, start + step, … below the end."""
    start, end, step = a["start"], a["end"], a["step"]
    first, last, width = (float(value.item()) for value in (start, end, step))
    (length,) = a.agreed((max(math.ceil((last - first) / width), 0),))
    return (np.arange(length) * width + first).astype(start.dtype)


OPERATIONS: dict[str, Implementation] = {
    "expand_dims": expand_dims,
    "fill": fill,
    "fill_like": fill_like,
    "flatten2d": flatten2d,
    "identity": lambda a: a["x"],
    "range_1d": range_1d,
    "reshape": reshape,
    "reshape_like": reshape_like,
    "shape": shape,
    "squeeze": squeeze,
}
