"""Indices that ONNX counts from the end where they are negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .operands import Array
from .refused import Refused


def counted_from_the_front(indices: Array, sizes: Sequence[int]) -> Array:
    """Give constant indices without negative ones.

    `sizes` are of the axes that they are for: one for all of them, or one for each place of their last axis.

    Raises:
        Refused: when one lies outside.
    """
    limits = np.array(sizes if len(sizes) > 1 else sizes[0], np.int64)
    if ((indices < -limits) | (indices >= limits)).any():
        raise Refused(f"an index lies outside of its axis of {' × '.join(map(str, sizes))}")
    return np.where(indices < 0, indices + limits, indices)
