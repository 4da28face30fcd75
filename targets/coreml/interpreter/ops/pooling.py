"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened
from .windows import Pads, padded, padding, span


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """The windows of an operation: for each spatial axis kernel, stride, padding, what lies behind it, and how many.

    `beyond` is what the last window of `ceil_mode` needs behind the padding; it is no padding and is never counted.
    """

    kernel: Sequence[int]
    strides: Sequence[int]
    pads: Pads
    beyond: Sequence[int]
    sizes: Sequence[int]

    def gathered(self, x: Array, value: float, join: Callable[[Array, Array], Array]) -> Array:
        """Join the elements of each window, axis by axis; outside of `x` there is `value`."""
        outer = [(before, after + more) for (before, after), more in zip(self.pads, self.beyond, strict=True)]
        y = padded(x, outer, value)
        for axis, (kernel, stride, size) in enumerate(zip(self.kernel, self.strides, self.sizes, strict=True), 2):
            taps = [y[(slice(None),) * axis + (span(tap, size, stride),)] for tap in range(kernel)]
            y = taps[0]
            for tap in taps[1:]:
                y = join(y, tap)
        return y

    def elements(self, shape: Sequence[int], padding_counts: float) -> Array:
        """Count the elements in each window, `[1, 1, *sizes]`; one of the padding counts as `padding_counts`."""
        total: Array = np.ones((1, 1, *(1,) * len(shape)))
        for axis, size in enumerate(shape):
            before, after = self.pads[axis]
            ones = [padding_counts] * before + [1.0] * size + [padding_counts] * after + [0.0] * self.beyond[axis]
            line = np.convolve(ones, np.ones(self.kernel[axis]), "valid")[:: self.strides[axis]][: self.sizes[axis]]
            total = total * line.reshape(1, 1, *(-1 if other == axis else 1 for other in range(len(shape))))
        return total


def windows(a: Arguments) -> Windows:
    """Read where the windows lie.

    Raises:
        ValueError: when a window holds no element of the input: the documentation does not say what its result is.
    """
    sizes, kernel = a["x"].shape[2:], a.ints("kernel_sizes")
    strides = a.ints("strides", (1,) * len(sizes))
    pads = padding(a, a.text("pad_type"), sizes, kernel, strides)
    counts, beyond = [], []
    for size, reach, stride, (before, after) in zip(sizes, kernel, strides, pads, strict=True):
        rest = size + before + after - reach
        count = rest // stride + 1
        if a.flag("ceil_mode", False):
            count = -(-rest // stride) + 1
            if (count - 1) * stride >= size + before and before + after > 0:
                count -= 1
        counts.append(count)
        beyond.append(max(0, (count - 1) * stride - rest))
    a.agreed((*a["x"].shape[:2], *counts))
    found = Windows(kernel=kernel, strides=strides, pads=pads, beyond=beyond, sizes=counts)
    if min(counts) < 1 or not found.elements(sizes, 0.0).all():
        raise ValueError(f"a window lies outside of the input {sizes}")
    return found


def avg_pool(a: Arguments) -> Array:
    """Average each window.

    The padding counts unless `exclude_padding_from_average`. What the last window of `ceil_mode` reaches behind the
    padding never does, as in PyTorch, whose mode the documentation says it is.
    """
    x, found = a["x"], windows(a)
    counted = 0.0 if a.flag("exclude_padding_from_average", False) else 1.0
    total = found.gathered(widened(x), 0.0, np.add)
    return narrowed(total / found.elements(x.shape[2:], counted).astype(np.float32), x.dtype)


def max_pool(a: Arguments) -> Array:
    """Take the largest element of each window; the padding is never the largest."""
    return windows(a).gathered(a["x"], -np.inf, np.maximum)


def l2_pool(a: Arguments) -> Array:
    """Take the root of the sum of the squares of each window.

    The documentation names the operation without its formula; coremltools' own tests of it give 2.236068 for (1, 2).
    """
    x = a["x"]
    squares: Array = np.square(widened(x))
    return narrowed(np.sqrt(windows(a).gathered(squares, 0.0, np.add)), x.dtype)


OPERATIONS: dict[str, Implementation] = {"avg_pool": avg_pool, "l2_pool": l2_pool, "max_pool": max_pool}
