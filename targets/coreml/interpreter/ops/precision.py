"""Arithmetic of values that are stored in half precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ..arguments import Array


def widened(x: Array) -> Array:
    """Give what an operation computes with: float32 for float16 (accumulators are wider than storage), else `x`."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def narrowed(x: Array, dtype: DTypeLike) -> Array:
    """Round a result to the type that is stored; what is too large for float16 becomes infinite, as IEEE 754 says."""
    return x.astype(dtype, copy=False)
