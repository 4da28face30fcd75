"""Fourier transforms of fixed length as constant matrices; complex numbers are pairs on the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .refused import Refused

Matrix = NDArray[Any]

_LIMIT = 1 << 24
"""Elements of a matrix, 64 MB of float32."""


def whole(size: int, length: int, parts: int, inverse: bool, onesided: bool) -> Matrix:
    """Give float64[bins · 2, size · parts]: the real and imaginary share of every input in every output.

    `parts` is 1 for real inputs, 2 for complex ones; `size` inputs are cut or filled with zeros to `length`.

    Raises:
        Refused: when the matrix would be too large.
    """
    bins = length // 2 + 1 if onesided else length
    if bins * 2 * size * parts > _LIMIT:
        raise Refused(f"a transform of {length} elements as a matrix")
    # Counted modulo the length before the angle is taken, so that no digits are lost in large products.
    turns = np.outer(np.arange(bins), np.arange(size)) % length
    angle = (2 if inverse else -2) * np.pi * turns / length
    real, imaginary = np.cos(angle), np.sin(angle)
    real[:, length:], imaginary[:, length:] = 0, 0
    full = np.stack([np.stack([real, -imaginary], 2), np.stack([imaginary, real], 2)], 1)[..., :parts]
    return np.asarray(full.reshape(bins * 2, size * parts) / (length if inverse else 1))


def from_half(bins: int, length: int, parts: int) -> Matrix:
    """Give float64[length, bins · parts]: from the first half of a spectrum the real signal that has it.

    Every bin stands for its mirror image too, but for the first, and the last of an even length.

    Raises:
        Refused: when the matrix would be too large.
    """
    if length * bins * parts > _LIMIT:
        raise Refused(f"a transform of {length} elements as a matrix")
    used = min(bins, length // 2 + 1)
    times = np.where((np.arange(used) == 0) | (2 * np.arange(used) == length), 1, 2)
    angle = 2 * np.pi * (np.outer(np.arange(length), np.arange(used)) % length) / length
    matrix = np.zeros((length, bins, parts))
    matrix[:, :used] = np.stack([np.cos(angle), -np.sin(angle)], 2)[..., :parts] * times[:, np.newaxis] / length
    return matrix.reshape(length, bins * parts)
