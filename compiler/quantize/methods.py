"""Which part of the values that a tensor took is its range: all of them, or all but what costs more than it is worth.

Each method gives `(low, high)` with `statistics.low <= low <= high <= statistics.high`. `levels` is the number of
integers that will stand for the range, `symmetric` whether they lie evenly around 0. A tensor without values has the
range (0, 0). `holding_zero` widens a range to hold 0, which every grid must have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .noise import Bins, UniformGrid, signal_to_noise_db
from .ranges import TensorStatistics

__all__ = ["METHODS", "Method", "entropy", "holding_zero", "minmax", "mse", "percentile", "signal_to_noise_db"]

Array = NDArray[Any]
Range = tuple[float, float]

DEFAULT_PERCENT: Final = 99.99
_PARTS: Final = tuple(part / 100 for part in range(100, 0, -1))
"""The parts of a range that are tried, the whole of it first: it wins when nothing is better."""
_BACKGROUND: Final = 1e-4
"""The part of a quantized distribution that is spread over all its bins, so that none is impossible."""


class Method(Protocol):
    """Chooses a range."""

    def __call__(self, statistics: TensorStatistics, *, levels: int, symmetric: bool) -> Range:
        """Give `(low, high)`."""
        ...


def minmax(statistics: TensorStatistics, *, levels: int = 256, symmetric: bool = False) -> Range:
    """Give all values: nothing is clipped, and one outlier makes the steps of all others wide."""
    del levels, symmetric
    return statistics.low, statistics.high


def percentile(
    statistics: TensorStatistics, *, levels: int = 256, symmetric: bool = False, percent: float = DEFAULT_PERCENT
) -> Range:
    """Give the range that holds `percent` of the values, half of the rest on either side of it.

    Within a bin values count as evenly spread. (Wu et al., "Integer quantization for deep learning inference:
    principles and empirical evaluation", 2020, section 5: 99.99 % was the best for most of their networks.)

    Raises:
        ValueError: when `percent` does not lie in (0, 100].
    """
    del levels, symmetric
    if not 0 < percent <= 100:
        raise ValueError(f"expected a percentage above 0 and up to 100, got {percent}")
    if not statistics.count:
        return 0.0, 0.0
    below = np.concatenate([[0.0], np.cumsum(statistics.counts)])
    cut = statistics.count * (100 - percent) / 200
    keep = statistics.count - cut
    first = int(np.searchsorted(below, cut, side="right")) - 1  # the bin in which the cut lies is never empty
    last = int(np.searchsorted(below, keep, side="left")) - 1
    low = first + (cut - below[first]) / statistics.counts[first]
    high = last + (keep - below[last]) / statistics.counts[last]
    return _within(
        statistics,
        statistics.bin_low + float(low) * statistics.bin_width if cut else statistics.low,
        statistics.bin_low + float(high) * statistics.bin_width if cut else statistics.high,
    )


def mse(statistics: TensorStatistics, *, levels: int = 256, symmetric: bool = False) -> Range:
    """Give the range whose grid has the least mean squared error over the histogram; never worse than `minmax`.

    Both ends are drawn in together, then the upper one on its own, then the lower one, in hundredths of the range.
    (Sung et al., "Resiliency of deep neural networks under quantization", 2015, take the range of the least squared
    error.)
    """
    if not statistics.count:
        return 0.0, 0.0
    bins = Bins.of(statistics)

    def error(candidate: Range) -> float:
        return _grid(candidate, levels, symmetric=symmetric).squared_error(bins)

    best = min([_cut(statistics, part) for part in _PARTS], key=error)
    if symmetric:
        return best
    low, high = best
    low, high = min([best, *((low, max(low, high * part)) for part in _PARTS if high > 0)], key=error)
    return min([(low, high), *((min(low * part, high), high) for part in _PARTS if low < 0)], key=error)


def entropy(statistics: TensorStatistics, *, levels: int = 256, symmetric: bool = False) -> Range:
    """Give the range after which the distribution has changed least, by the Kullback-Leibler divergence.

    For each threshold of magnitude the values beyond it go to the outermost bins, and the bins within one level share
    its values. (Migacz, "8-bit inference with TensorRT", GTC 2017.) Where the range has no more bins than levels
    nothing can be told, and it is kept whole.
    """
    counts = np.array(statistics.counts, np.float64)
    if len(counts) <= levels:
        return minmax(statistics)
    edges = statistics.bin_low + statistics.bin_width * np.arange(len(counts) + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    best, least = minmax(statistics), math.inf
    for part in _PARTS:
        candidate = _cut(statistics, part)
        inside = np.flatnonzero((edges[1:] > candidate[0]) & (edges[:-1] <= candidate[1]))
        grid = _grid(candidate, levels, symmetric=symmetric)
        level = np.rint((middles[inside] - grid.low) / grid.step).astype(np.int64)
        if len(inside) <= level[-1] - level[0] + 1:
            break
        found = _divergence(counts, int(inside[0]), int(inside[-1]) + 1, level - level[0])
        if found < least:
            best, least = candidate, found
    return best


METHODS: Final[Mapping[str, Method]] = {"minmax": minmax, "percentile": percentile, "entropy": entropy, "mse": mse}
"""The methods by their names in recipes."""


def holding_zero(range_: Range) -> Range:
    """Give the range, widened to hold 0."""
    return min(range_[0], 0.0), max(range_[1], 0.0)


def _divergence(counts: Array, first: int, last: int, level: Array) -> float:
    """KL(P ‖ Q): P the bins `first:last` with what lies outside moved to their ends, Q the same made even in levels."""
    inner = counts[first:last]
    clipped = inner.copy()
    clipped[0] += counts[:first].sum()
    clipped[-1] += counts[last:].sum()
    filled = inner > 0
    mean = np.bincount(level, inner) / np.maximum(np.bincount(level, filled), 1)
    even = np.where(filled, mean[level], 0.0)
    if not filled.any():
        return math.inf
    quantized = (1 - _BACKGROUND) * even / even.sum() + _BACKGROUND / len(even)
    reference = clipped / clipped.sum()
    some = reference > 0
    return float(np.sum(reference[some] * np.log(reference[some] / quantized[some])))


def _grid(range_: Range, levels: int, *, symmetric: bool) -> UniformGrid:
    low, high = range_
    if symmetric:
        largest = max(abs(low), abs(high))
        return UniformGrid.over(-largest, largest, levels - 1 + levels % 2)  # as many on either side of 0
    return UniformGrid.over(low, high, levels)


def _cut(statistics: TensorStatistics, part: float) -> Range:
    """Give what lies within a part of the largest magnitude."""
    largest = part * max(abs(statistics.low), abs(statistics.high))
    return _within(statistics, max(statistics.low, -largest), min(statistics.high, largest))


def _within(statistics: TensorStatistics, low: float, high: float) -> Range:
    low = min(max(low, statistics.low), statistics.high)
    return low, max(low, min(max(high, statistics.low), statistics.high))
