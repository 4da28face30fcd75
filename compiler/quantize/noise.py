"""The error that a grid of integers makes of a tensor's values, told from their histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .ranges import TensorStatistics

Array = NDArray[Any]

_POINT: Final = 1e-3
"""A bin narrower than this part of a step counts as its middle: the difference of its integrals would be rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bins:
    """The bins that hold values, float64[bins] each; the outermost ones end at the least and the greatest value."""

    low: Array
    high: Array
    share: Array
    """The part of all values that lies in the bin."""

    @classmethod
    def of(cls, statistics: TensorStatistics) -> Bins:
        """Give the filled bins of a tensor that has values."""
        counts = np.array(statistics.counts, np.float64)
        filled = np.flatnonzero(counts)
        low = statistics.bin_low + filled * statistics.bin_width
        return cls(
            low=np.clip(low, statistics.low, statistics.high),
            high=np.clip(low + statistics.bin_width, statistics.low, statistics.high),
            share=counts[filled] / counts.sum(),
        )

    @property
    def middle(self) -> Array:
        """The middle of each bin."""
        return (self.low + self.high) / 2

    @property
    def power(self) -> float:
        """The mean of the squares of the values, each bin's spread evenly over it."""
        return float(np.sum(self.share * (self.middle**2 + (self.high - self.low) ** 2 / 12)))


@dataclass(frozen=True, kw_only=True, slots=True)
class UniformGrid:
    """`levels` values `step` apart, the lowest of them at `low`; one of them is 0."""

    low: float
    step: float
    levels: int

    @classmethod
    def over(cls, low: float, high: float, levels: int) -> UniformGrid:
        """Give the grid over a range that is widened to hold 0, and moved until 0 is on it. `levels` is at least 2."""
        low, high = min(low, 0.0), max(high, 0.0)
        step = (high - low) / (levels - 1)
        if step == 0.0:
            return cls(low=0.0, step=1.0, levels=levels)
        return cls(low=-round(-low / step) * step, step=step, levels=levels)

    def squared_error(self, bins: Bins) -> float:
        """Give the mean squared distance of the values from the nearest of the grid."""
        widths = bins.high - bins.low
        narrow = widths < _POINT * self.step
        mean = (self._integral(bins.high) - self._integral(bins.low)) / np.where(narrow, 1.0, widths)
        return float(np.sum(bins.share * np.where(narrow, self._at(bins.middle), np.maximum(mean, 0.0))))

    def _nearest(self, values: Array) -> Array:
        return np.clip(np.rint((values - self.low) / self.step), 0, self.levels - 1)

    def _at(self, values: Array) -> Array:
        return (values - self.low - self._nearest(values) * self.step) ** 2

    def _integral(self, ends: Array) -> Array:
        """The integral of the squared distance from the grid's lowest value up to each end."""
        nearest = self._nearest(ends)
        rest = ends - self.low - nearest * self.step
        return nearest * self.step**3 / 12 + rest**3 / 3


def signal_to_noise_db(statistics: TensorStatistics, low: float, high: float, levels: int) -> float:
    """Give the expected ratio of signal to quantization noise, 10 · log₁₀(E[x²] / E[(x − q(x))²]), in decibels.

    `q` rounds to the nearest of `levels` values over [low, high] (widened to hold 0) and clips outside. A uniform
    distribution over 256 levels has 48 dB, 6.02 dB a bit (Bennett, "Spectra of quantized signals", 1948); a tensor far
    below that has outliers that stretch its range, or a range that cuts off what matters. A tensor without values, or
    whose values all lie on the grid, has infinitely many.
    """
    if not statistics.count:
        return math.inf
    bins = Bins.of(statistics)
    noise = UniformGrid.over(low, high, levels).squared_error(bins)
    return 10 * math.log10(bins.power / noise) if noise > 0 and bins.power > 0 else math.inf
