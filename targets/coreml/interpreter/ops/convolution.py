"""Convolutions.

`conv_quantized` is not among them: the documentation calls it experimental, and says neither how its bias is stored
nor what its lookup table is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened
from .windows import counts, extents, padded, padding, span

COLUMNS = 1 << 20
"""Elements of the largest matrix of columns that is made at once: 4 MiB."""


def conv(a: Arguments) -> Array:
    """Convolve `x: [N, C, *D]` with `weight: [M, C / groups, *K]`, of one to three spatial axes, without flipping it.

    From iOS 17 on the weight's dtype may be another than that of `x`, which is the result's.
    """
    x, weight = a["x"], a["weight"]
    axes = x.ndim - 2
    strides, dilations = a.ints("strides", (1,) * axes), a.ints("dilations", (1,) * axes)
    groups = a.integer("groups", 1)
    if x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ValueError(f"{x.shape[1]} channels, {groups} groups, weight {weight.shape}")
    reach = extents(weight.shape[2:], dilations)
    pads = padding(a, a.text("pad_type", "valid"), x.shape[2:], reach, strides)
    padded_sizes = [size + before + after for size, (before, after) in zip(x.shape[2:], pads, strict=True)]
    a.agreed((x.shape[0], weight.shape[0], *counts(padded_sizes, reach, strides)))
    y = convolved(padded(widened(x), pads, 0.0), widened(weight), strides, dilations, groups)
    return narrowed(_biased(a, y), x.dtype)


def convolved(x: Array, weight: Array, strides: Sequence[int], dilations: Sequence[int], groups: int) -> Array:
    """Convolve without padding, by products of matrices.

    So also where each channel has a kernel of its own: measured, to add up the taps of such kernels is slower.
    """
    reach = extents(weight.shape[2:], dilations)
    sizes = counts(x.shape[2:], reach, strides)
    if min(sizes) < 1:
        raise ValueError(f"a kernel that reaches {reach} does not fit into {x.shape[2:]}")
    if max(reach) == 1:
        every = [span(0, size, stride) for size, stride in zip(sizes, strides, strict=True)]
        points = x[(slice(None), slice(None), *every)]
        y = _product(weight, points.reshape(x.shape[0], groups, weight.shape[1], -1))
        return y.reshape(x.shape[0], weight.shape[0], *sizes)
    return _by_columns(x, weight, strides, dilations, groups, sizes)


def _by_columns(
    x: Array, weight: Array, strides: Sequence[int], dilations: Sequence[int], groups: int, sizes: Sequence[int]
) -> Array:
    axes = len(sizes)
    reach = extents(weight.shape[2:], dilations)
    windows = sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))
    every = (*(slice(None, None, stride) for stride in strides), *(slice(None, None, gap) for gap in dilations))
    windows = windows[(slice(None), slice(None), *every)]
    columns = windows.transpose(0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    y = np.empty((x.shape[0], weight.shape[0], *sizes), x.dtype)
    depth = weight.size // weight.shape[0]
    row = x.shape[0] * groups * depth * max(1, int(np.prod(sizes[1:])))
    block = max(1, COLUMNS // row)
    for first in range(0, sizes[0], block):
        rows = slice(first, min(first + block, sizes[0]))
        part = columns[(slice(None),) * (2 + axes) + (rows,)]
        product = _product(weight, part.reshape(x.shape[0], groups, depth, -1))
        y[:, :, rows] = product.reshape(x.shape[0], weight.shape[0], -1, *sizes[1:])
    return y


def _product(weight: Array, columns: Array) -> Array:
    """Multiply `weight: [M, depth]`, by groups, with `columns: [N, groups, depth, P]`."""
    groups = columns.shape[1]
    product: Array = weight.reshape(groups, weight.shape[0] // groups, -1) @ columns
    return product


def conv_transpose(a: Arguments) -> Array:
    """Spread `x: [N, C, *D]` by `weight: [C, M / groups, *K]`: the gradient of a convolution.

    What `pad` says is cut away from the full result. `same` keeps `size * stride` elements (or those of
    `output_shape`), and cuts what is more in halves, an odd element behind: the padding of the convolution whose
    gradient this is. An `output_shape` that no convolution maps to the size of `x` is an error; where it is larger
    than the full result the rest is the bias.
    """
    x, weight = a["x"], a["weight"]
    axes = x.ndim - 2
    strides, dilations = a.ints("strides", (1,) * axes), a.ints("dilations", (1,) * axes)
    groups, kernel = a.integer("groups", 1), weight.shape[2:]
    if x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise ValueError(f"{x.shape[1]} channels, weight {weight.shape}")
    reach = extents(kernel, dilations)
    full = [(size - 1) * stride + extent for size, stride, extent in zip(x.shape[2:], strides, reach, strict=True)]
    starts, sizes = _kept(a, x.shape[2:], full, strides, reach)
    a.agreed((x.shape[0], weight.shape[1] * groups, *sizes))
    spread = _spread(widened(x), widened(weight), groups)
    room = [max(size, start + kept) for size, start, kept in zip(full, starts, sizes, strict=True)]
    y = np.zeros((*spread.shape[:2], *room), spread.dtype)
    for tap in np.ndindex(*kernel):
        where = [
            span(t * gap, size, stride)
            for t, gap, size, stride in zip(tap, dilations, x.shape[2:], strides, strict=True)
        ]
        y[(slice(None), slice(None), *where)] += spread[(slice(None), slice(None), *tap)]
    cut = (slice(start, start + kept) for start, kept in zip(starts, sizes, strict=True))
    return narrowed(_biased(a, y[(slice(None), slice(None), *cut)]), x.dtype)


def _spread(x: Array, weight: Array, groups: int) -> Array:
    """Give what each element adds at each tap: `[N, M, *K, *D]`."""
    factors = weight.reshape(groups, weight.shape[0] // groups, -1).swapaxes(1, 2)
    taps = factors @ x.reshape(x.shape[0], groups, x.shape[1] // groups, -1)
    return taps.reshape(x.shape[0], weight.shape[1] * groups, *weight.shape[2:], *x.shape[2:])


def _kept(
    a: Arguments, sizes: Sequence[int], full: Sequence[int], strides: Sequence[int], reach: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Give where the result begins in the full one along each axis, and its size."""
    kind = a.text("pad_type", "valid")
    wanted = a.ints("output_shape")[2:] if "output_shape" in a else None
    if kind == "same":
        out = [size * stride for size, stride in zip(sizes, strides, strict=True)] if wanted is None else [*wanted]
        pads = padding(a, kind, out, reach, strides)
    elif kind in ("valid", "custom"):
        pads = padding(a, kind, sizes, reach, strides)
        out = [size - before - after for size, (before, after) in zip(full, pads, strict=True)]
        out = out if wanted is None else [*wanted]
    else:
        raise ValueError(f"pad_type {kind!r} is not documented for it")
    for size, kept, (before, after), extent, stride in zip(sizes, out, pads, reach, strides, strict=True):
        if kept < 1 or (kept + before + after - extent) // stride + 1 != size:
            raise ValueError(f"no convolution with these strides and pads maps {kept} to {size}")
    return [before for before, _ in pads], out


def _biased(a: Arguments, y: Array) -> Array:
    bias = a.get("bias")
    return y if bias is None else y + widened(bias).reshape(-1, *(1,) * (y.ndim - 2))


OPERATIONS: dict[str, Implementation] = {"conv": conv, "conv_transpose": conv_transpose}
