"""Where the windows of convolutions and of pooling lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import Arguments, Array

Pads = list[tuple[int, int]]


def extents(kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Give how far a kernel with gaps reaches along each axis."""
    return [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]


def counts(sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Give how many windows lie inside of each axis."""
    return [(size - extent) // stride + 1 for size, extent, stride in zip(sizes, reach, strides, strict=True)]


def padding(a: Arguments, kind: str, sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> Pads:
    """Give the padding before and after each spatial axis.

    `same` pads for `ceil(size / stride)` windows and puts an odd element behind, `same_lower` before. The equations
    that the documentation of `conv` gives for it do not depend on the stride and contradict that number of windows;
    `SamePadding` in Core ML's `NeuralNetwork.proto` has the total, `max(0, (out - 1) * stride + kernel - in)`, and its
    two halves.

    Raises:
        ValueError: when `pad_type` is unknown, or `pad` has not two numbers an axis.
    """
    if kind == "valid":
        return [(0, 0)] * len(sizes)
    if kind == "custom":
        pad = a.ints("pad", (0,) * (2 * len(sizes)))
        if len(pad) != 2 * len(sizes):
            raise ValueError(f"pad has {len(pad)} numbers, not two an axis")
        return [(pad[2 * axis], pad[2 * axis + 1]) for axis in range(len(sizes))]
    if kind not in ("same", "same_lower"):
        raise ValueError(f"pad_type {kind!r} is unknown")
    pads = []
    for size, extent, stride in zip(sizes, reach, strides, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + extent - size)
        less, more = total // 2, total - total // 2
        pads.append((less, more) if kind == "same" else (more, less))
    return pads


def padded(x: Array, pads: Pads, value: float) -> Array:
    """Pad the spatial axes of `x: [N, C, *D]` with a constant; without a copy where nothing is to be padded."""
    if not any(before or after for before, after in pads):
        return x
    return np.pad(x, [(0, 0), (0, 0), *pads], constant_values=value)


def span(start: int, count: int, stride: int) -> slice:
    """Give the slice that takes `count` elements from `start` on, a stride apart."""
    return slice(start, start + (count - 1) * stride + 1, stride)
