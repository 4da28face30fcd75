"""Fourier transforms of fixed length as constant matrices; complex numbers are pairs on the last axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .operands import Array, Operands
from .refused import Refused

_LIMIT = 1 << 24
"""Elements of a matrix, 64 MB of float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transform:
    """What a DFT does along one axis: of `length` elements, or of all that there are when that is None."""

    inverse: bool
    onesided: bool
    length: int | None = None

    @property
    def results(self) -> int:
        """The parts of each result: 1 of real ones, 2 of complex ones."""
        return 1 if self.inverse and self.onesided else 2

    def matrix(self, size: int, parts: int) -> Array:
        """Give float64[bins · results, size · parts], for `size` elements of 1 (real) or 2 (complex) parts.

        Raises:
            Refused: when the matrix would be too large.
        """
        if self.results == 1:
            return from_half(size, self.length or 2 * (size - 1), parts)
        return whole(size, self.length or size, parts, self.inverse, self.onesided)


def transform_of(call: Operands) -> Transform:
    """Read a DFT.

    Raises:
        Refused: when its length is not constant.
    """
    return Transform(
        inverse=bool(call.integer("inverse", 0)),
        onesided=bool(call.integer("onesided", 0)),
        length=int(call.constant(1, "length").item()) if call.has(1) else None,
    )


def axis_of(call: Operands) -> int:
    """Read which axis a DFT transforms: the one before the last, unless it says so by an attribute, or an input.

    Raises:
        Refused: when it says so by an input that is not constant.
    """
    if call.opset < 20:
        return call.axis(1)
    return int(call.constant(2, "axis").item()) % call.rank() if call.has(2) else call.rank() - 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Frames:
    """The windows that an STFT transforms: `count` of `width` elements, one every `step`."""

    count: int
    width: int
    step: int

    @property
    def places(self) -> Array:
        """Which elements each window holds, int64[count, width]."""
        return np.asarray(np.arange(self.count)[:, np.newaxis] * self.step + np.arange(self.width))


def frames_of(call: Operands) -> Frames:
    """Read the windows of an STFT of x [batch, length, 1 or 2].

    Raises:
        Refused: when they are not constant, or depend on a size that is known only at run time.
    """
    if call.rank() != 3:
        raise Refused(f"a signal of {call.rank()} axes")
    step, size = int(call.constant(1, "frame step").item()), call.known_sizes()[1]
    if size is None:
        raise Refused("how many elements it transforms is known only at run time")
    width = call.shape(2)[0] if call.has(2) else size
    if call.has(3):
        width = int(call.constant(3, "frame length").item())
    return Frames(count=1 + (size - width) // step, width=width, step=step)


def whole(size: int, length: int, parts: int, inverse: bool, onesided: bool) -> Array:
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


def from_half(bins: int, length: int, parts: int) -> Array:
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
