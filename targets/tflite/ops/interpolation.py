"""What TFLite's own operators for resizing do along one axis."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.interpolation import between
from ..dialect import Array


def kernel_picks(before: int, after: int, align: bool, half: bool) -> Array:
    """Give what RESIZE_NEAREST_NEIGHBOR picks, computed in float32 as its kernel does."""
    scale = np.float32((before - 1) / (after - 1) if align and after > 1 else before / after)
    x = (np.arange(after, dtype=np.float32) + np.float32(0.5 if half else 0)) * scale
    return np.asarray(np.clip(np.floor(x + 0.5) if align else np.floor(x), 0, before - 1), np.int64)


def kernel_matrix(before: int, after: int, align: bool, half: bool) -> Array:
    """Give the matrix of RESIZE_BILINEAR."""
    scale = (before - 1) / (after - 1) if align and after > 1 else before / after
    x = np.arange(after, dtype=np.float64)
    return between((x + 0.5) * scale - 0.5 if half else x * scale, before)
