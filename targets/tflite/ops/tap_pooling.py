"""Pooling tap by tap: what TFLite's pooling does not have is done on strided cuts of the input, one for each tap.

That is dilation, integers, and telling where the largest element stood. Axis by axis where that is
the same, so that a window of 5 × 5 takes ten cuts and not twenty-five.
"""

from __future__ import annotations

from functools import reduce
from itertools import product

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.windows import Windows
from ..builder import Builder
from ..dialect import Array, dtype_of, shape_of


def pooled_by_taps(b: Builder, operator: str, x: ir.Value, windows: Windows) -> ir.Value:
    """Join the taps of every window of a padded x [N, spatial…, C] by MAXIMUM or ADD."""
    for axis in range(len(windows.kernel)):
        cuts = [_cut(b, x, windows, {axis: tap}) for tap in range(windows.kernel[axis])]
        x = reduce(lambda left, right: b.binary(operator, left, right), cuts)
    return x


def largest_with_place(b: Builder, x: ir.Value, windows: Windows, column_major: bool) -> tuple[ir.Value, ir.Value]:
    """Give the largest of every window of a padded x [N, spatial…, C], and its place in the flat [N, C, spatial…].

    The first of equals in the order of the window counts. `column_major` counts the spatial places the other way.
    """
    batch, channels = shape_of(x)[0], shape_of(x)[-1]
    best, where = None, None
    found = np.zeros(windows.output, np.bool_)
    for taps in product(*(range(width) for width in windows.kernel)):
        value = _cut(b, x, windows, dict(enumerate(taps)))
        places, valid = _places(windows, taps, column_major)
        flat = _flat(places, batch, channels, windows.fixed_size)
        if best is None or where is None:
            best, where = value, b.value(flat)
        else:
            better = b.compare("GREATER", value, best)
            # Padding is no place: the first tap inside stands, whatever it holds.
            better = b.binary("LOGICAL_OR", better, b.value((valid & ~found)[np.newaxis, ..., np.newaxis]))
            better = b.binary("LOGICAL_AND", better, b.value(valid[np.newaxis, ..., np.newaxis]))
            best, where = b.select(better, value, best), b.select(better, flat, where)
        found |= valid
    assert best is not None
    assert where is not None
    return best, where


def _cut(b: Builder, x: ir.Value, windows: Windows, taps: dict[int, int]) -> ir.Value:
    """Give the elements that one tap reads along some spatial axes, for every window."""
    shape = shape_of(x)
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    for axis, tap in taps.items():
        start = tap * windows.dilation[axis]
        step = windows.stride[axis]
        starts[axis + 1], steps[axis + 1] = start, step
        stops[axis + 1] = start + (windows.output[axis] - 1) * step + 1
    return b.slice(x, starts, stops, steps)


def _places(windows: Windows, taps: tuple[int, ...], column_major: bool) -> tuple[Array, Array]:
    grid = np.indices(windows.output)
    axes = [
        grid[axis] * windows.stride[axis] - windows.before[axis] + tap * windows.dilation[axis]
        for axis, tap in enumerate(taps)
    ]
    valid = np.all([(axis >= 0) & (axis < size) for axis, size in zip(axes, windows.fixed_size, strict=True)], axis=0)
    clipped = [np.clip(axis, 0, size - 1) for axis, size in zip(axes, windows.fixed_size, strict=True)]
    return np.ravel_multi_index(clipped, windows.fixed_size, order="F" if column_major else "C"), np.asarray(valid)


def _flat(places: Array, batch: int, channels: int, size: tuple[int, ...]) -> Array:
    sheets = np.arange(batch * channels, dtype=np.int64).reshape(batch, *[1] * len(size), channels)
    return sheets * int(np.prod(size)) + places[np.newaxis, ..., np.newaxis]


def element_limits(x: ir.Value) -> tuple[float, float]:
    """Give the least and the largest number of a value's dtype."""
    dtype = dtype_of(x).numpy()
    if np.issubdtype(dtype, np.integer):
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return -np.inf, np.inf
