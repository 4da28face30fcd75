"""Indices and slices, as gathers and scatters read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import Arguments, Array

FIRST_WITHOUT_NEGATIVE = 7
"""From the operation set `CoreML7` (iOS 17) on a negative index is out of bounds."""


def checked(a: Arguments, indices: Array, sizes: Sequence[int]) -> Array:
    """Give `indices: [..., len(sizes)]` counted from the front, int64.

    Without `validate_indices` the documentation calls the behaviour of an index out of bounds undefined; here it is an
    error always.

    Raises:
        ValueError: when an index is out of bounds.
    """
    found = indices.astype(np.int64)
    limits = np.asarray(sizes, np.int64)
    if int(a.opset.removeprefix("CoreML")) < FIRST_WITHOUT_NEGATIVE:
        found = np.where(found < 0, found + limits, found)
    wrong = (found < 0) | (found >= limits)
    if wrong.any():
        raise ValueError(f"index {indices[wrong].ravel()[0]} is out of bounds of {sizes} in {a.opset}")
    return found


def along(indices: Array, axis: int) -> tuple[Array, ...]:
    """Give what selects `x[..., indices[...], ...]` along one axis, each other axis by its own position."""
    selector: list[Array] = list(np.ogrid[tuple(slice(size) for size in indices.shape)])
    selector[axis] = indices
    return tuple(selector)


def sliced(a: Arguments, shape: Sequence[int]) -> tuple[slice | int, ...]:
    """Read `begin`, `end`, `stride` and the masks as NumPy's slices, which the documentation says they are.

    A masked end is open, also of a slice that runs backwards.

    Raises:
        ValueError: when the lengths do not fit the rank, or a single index is out of bounds.
    """
    rank = len(shape)
    begin, end, stride = a.ints("begin"), a.ints("end"), a.ints("stride", (1,) * rank)
    masks = [a.ints(name, (0,) * rank) for name in ("begin_mask", "end_mask", "squeeze_mask")]
    if {len(begin), len(end), len(stride), *map(len, masks)} != {rank} or 0 in stride:
        raise ValueError(f"begin, end, stride or a mask do not fit {shape}")
    slices: list[slice | int] = []
    for axis, (first, last, single) in enumerate(zip(*masks, strict=True)):
        if single:
            place = 0 if first else begin[axis]
            if not -shape[axis] <= place < shape[axis]:
                raise ValueError(f"{place} is out of bounds of {shape}")
            slices.append(place)
        else:
            slices.append(slice(None if first else begin[axis], None if last else end[axis], stride[axis]))
    return tuple(slices)
