"""A histogram that is filled in one pass over values of unknown range, and what is known of channels beside it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BINS: Final = 2048
"""The most bins that a histogram has; at least half of them lie within the range of the values."""

_BLOCK: Final = 1 << 15
"""Values that are sorted into bins at a time: what is computed for them stays in the cache of the processor."""

_MANTISSA_BITS: Final = 24
_LEAST_EXPONENT: Final = -149
"""Bins are no narrower than the distance of two float32 values."""

_LARGEST_SHIFT: Final = 63


class Histogram:
    """Counts of float32 values in bins of one width, a power of two, whose edges are multiples of it.

    The width is the least at which the range of all values seen takes at most `BINS` bins. When a value falls outside,
    the width doubles as often as it must, and bins are merged: since the edges of wide bins are edges of narrow ones,
    that gives the very counts that the wide bins would have had from the start. So the histogram does not depend on
    the order of the values, nor on how they were cut into pieces.
    """

    def __init__(self) -> None:
        """No values yet."""
        self.low, self.high = math.inf, -math.inf
        self.count = 0
        self._exponent = _LEAST_EXPONENT
        self._first = 0
        self._counts: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def add(self, values: Floats, low: float, high: float) -> None:
        """Count finite values of any shape, whose least is `low` and whose greatest is `high`."""
        if values.size == 0:
            return
        self._widen(min(low, self.low), max(high, self.high))
        self.count += values.size
        flat = values.reshape(-1)
        # scaling by a power of two is exact in float32 as long as nothing underflows; else it is done in float64
        kind = np.float32 if -126 <= self._exponent <= 0 else np.float64
        scale, first = kind(math.ldexp(1.0, -self._exponent)), kind(self._first)
        scaled = np.empty(min(_BLOCK, flat.size), kind)
        indices = np.empty(scaled.size, np.intp)
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK]
            into, places = scaled[: block.size], indices[: block.size]
            np.multiply(block, scale, out=into)
            np.floor(into, out=into)
            np.subtract(into, first, out=places, casting="unsafe")
            self._counts += np.bincount(places, minlength=BINS)

    @property
    def bin_width(self) -> float:
        """The width of a bin."""
        return math.ldexp(1.0, self._exponent)

    @property
    def bin_low(self) -> float:
        """The lower edge of the first bin, in which the least value lies."""
        return math.ldexp(float(self._first), self._exponent)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many values lie in each bin, up to the one of the greatest value."""
        if self.count == 0:
            return ()
        return tuple(self._counts[: _bin_of(self.high, self._exponent) - self._first + 1].tolist())

    def _widen(self, low: float, high: float) -> None:
        exponent = _exponent_for(low, high)
        first = _bin_of(low, exponent)
        if (exponent, first) != (self._exponent, self._first):
            filled = np.flatnonzero(self._counts)
            places = (filled + self._first) >> min(exponent - self._exponent, _LARGEST_SHIFT)
            merged = np.zeros(BINS, np.int64)
            np.add.at(merged, places - first, self._counts[filled])
            self._exponent, self._first, self._counts = exponent, first, merged
        self.low, self.high = low, high


class Channels:
    """The least, the greatest and the mean value of every slice along one axis."""

    def __init__(self, axis: int, size: int) -> None:
        """`axis` counts from the front; `size` is how many slices there are, at least one."""
        self.axis, self.size = axis, size
        self._low: Floats = np.full(size, np.inf, np.float32)
        self._high: Floats = np.full(size, -np.inf, np.float32)
        self._sum: NDArray[np.float64] = np.zeros(size, np.float64)
        self._count = 0

    def add(self, values: Floats) -> tuple[float, float]:
        """Take in values, and give the least and the greatest of them; both are NaN when some value is."""
        others = tuple(axis for axis in range(values.ndim) if axis != self.axis)
        low, high = values.min(axis=others), values.max(axis=others)
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
        with np.errstate(invalid="ignore"):  # ∞ − ∞: whoever calls learns of it by the extremes
            self._sum += values.sum(axis=others, dtype=np.float64)
        self._count += values.size // self.size
        return float(low.min()), float(high.max())

    @property
    def low(self) -> tuple[float, ...]:
        """The least value of each slice."""
        return tuple(self._low.tolist())

    @property
    def high(self) -> tuple[float, ...]:
        """The greatest value of each slice."""
        return tuple(self._high.tolist())

    @property
    def mean(self) -> tuple[float, ...]:
        """The mean of each slice."""
        return tuple((self._sum / self._count).tolist())


def _bin_of(value: float, exponent: int) -> int:
    return math.floor(math.ldexp(value, -exponent))


def _exponent_for(low: float, high: float) -> int:
    """Give the exponent of the least width at which the bins of `low` and `high` are less than `BINS` apart."""
    finest = _magnitude(max(abs(low), abs(high))) - _MANTISSA_BITS  # float32 values that large lie no closer
    exponent = max(finest, _magnitude(high - low) - BINS.bit_length() - 1, _LEAST_EXPONENT)
    while _bin_of(high, exponent) - _bin_of(low, exponent) >= BINS:
        exponent += 1
    return exponent


def _magnitude(value: float) -> int:
    """Give the exponent of the power of two above a value; that of the least number for 0."""
    return math.frexp(value)[1] if value else _LEAST_EXPONENT
