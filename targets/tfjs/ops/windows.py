"""What convolutions and pooling have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..builder import Builder
from ..graph import Tensor


def every(b: Builder, x: Tensor, steps: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Take every `steps`-th element along each axis from the first on, as many as `shape` has."""
    if x.shape == tuple(shape):
        return x
    stop = [(size - 1) * step + 1 for size, step in zip(shape, steps, strict=True)]
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    bounds = [np.array(numbers, np.int32) for numbers in ([0] * len(stop), stop, steps)]
    return b.op("StridedSlice", [x, *bounds], shape, x.dtype, T=x.dtype, **masks)
