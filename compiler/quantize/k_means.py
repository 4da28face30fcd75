"""k-means of numbers on a line: a few values that stand for many with the least squared error."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..passes.editing import Array

_CELLS: Final = 2048
"""How many runs of neighbours the first partition is made of: fine enough that what follows ends near the optimum, and
few enough that dynamic programming over them takes a fraction of a second."""

_ROUNDS: Final = 300
"""The most rounds of Lloyd's algorithm; most weights stand still after fewer than 100."""


def k_means(values: Array, count: int) -> Array:
    """Give at most `count` values, float32, sorted, to which all `values` are near in the mean of squares.

    The partition that is best among those made of whole cells (`_CELLS` runs of neighbours) is found by dynamic
    programming, and refined on the sorted values themselves by Lloyd's algorithm (Least squares quantization in PCM,
    1982): each centre moves to the mean of its values, each value to its nearest centre. Nothing is drawn, so equal
    values give equal centres. Values that are `count` or fewer are given as they are.

    values: float32 of any shape, finite, not empty.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if distinct.size <= count:
        return distinct
    weights = counts.astype(np.float64)
    points = distinct.astype(np.float64)
    totals, sums, squares = (
        np.concatenate(([0.0], np.cumsum(part))) for part in (weights, weights * points, weights * points**2)
    )
    borders = _best_of_cells(_cells(points, totals), totals, sums, squares, count)
    for _ in range(_ROUNDS):
        centres = _means(borders, totals, sums)
        moved = np.concatenate(
            ([0], np.searchsorted(points, (centres[1:] + centres[:-1]) / 2, side="right"), [points.size])
        )
        moved = np.unique(moved)  # a centre that lost all of its values is gone
        if np.array_equal(moved, borders):
            break
        borders = moved
    return np.unique(_means(borders, totals, sums).astype(np.float32))


def nearest(values: Array, centres: Array) -> Array:
    """Give the centre that is nearest to each value, the lower one of two; float32 of the shape of `values`."""
    middles = (centres[1:].astype(np.float64) + centres[:-1]) / 2
    found: Array = centres[np.searchsorted(middles, values, side="left")]
    return found


def _means(borders: Array, totals: Array, sums: Array) -> Array:
    means: Array = np.diff(sums[borders]) / np.diff(totals[borders])
    return means


def _cells(points: Array, totals: Array) -> Array:
    """Give the borders of runs of neighbours: half of them hold equally many values, half are equally wide."""
    if points.size <= _CELLS:
        return np.arange(points.size + 1)
    shares = np.linspace(0, totals[-1], _CELLS // 2 + 1)
    widths = np.linspace(points[0], points[-1], _CELLS // 2 + 1)
    found = np.concatenate((np.searchsorted(totals, shares), np.searchsorted(points, widths), [0, points.size]))
    return np.unique(found)


def _best_of_cells(cells: Array, totals: Array, sums: Array, squares: Array, count: int) -> Array:
    """Give the borders of the `count` clusters of whole cells that have the least squared error.

    cost(i, j) of one cluster is Σw x² − (Σw x)² / Σw. The best last border does not move back when j grows, so that
    each round is found by halving, all ranges of one depth at once (Grønlund et al., Fast exact k-means, k-medians and
    Bregman divergence clustering in 1D, 2017).
    """
    total, sum_, square = totals[cells], sums[cells], squares[cells]
    size = cells.size - 1
    count = min(count, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(total > 0, square - sum_**2 / total, 0.0)
    chosen = np.zeros((count, size + 1), np.int64)
    for round_ in range(1, count):
        error, chosen[round_] = _one_more(error, total, sum_, square, round_)
    borders, last = [size], size
    for round_ in range(count - 1, 0, -1):
        last = int(chosen[round_, last])
        borders.append(last)
    return np.unique(cells[[*borders, 0]])


def _one_more(error: Array, total: Array, sum_: Array, square: Array, used: int) -> tuple[Array, Array]:
    """Give the least error of `used + 1` clusters over the first j cells, and where the last of them begins.

    error: float64[cells + 1], that of `used` clusters; it is exact from j = `used` on, zero before.
    """
    size = error.size - 1
    found, begins = np.zeros(size + 1), np.zeros(size + 1, np.int64)
    ranges = [(used, size, used, size)]
    while ranges:
        middles = np.array([(low + high) // 2 for low, high, _, _ in ranges])
        first = np.array([begin for _, _, begin, _ in ranges])
        lengths = np.minimum(np.array([end for _, _, _, end in ranges]), middles) - first + 1
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        at = np.arange(lengths.sum()) - np.repeat(starts - first, lengths)
        until = np.repeat(middles, lengths)
        held = total[until] - total[at]
        with np.errstate(invalid="ignore", divide="ignore"):
            cost = square[until] - square[at] - np.where(held > 0, (sum_[until] - sum_[at]) ** 2 / held, 0.0)
        cost += error[at]
        least = np.minimum.reduceat(cost, starts)
        places = np.flatnonzero(cost == np.repeat(least, lengths))
        where = at[places[np.searchsorted(places, starts)]]
        found[middles], begins[middles] = least, where
        ranges = [
            part
            for (low, high, begin, end), middle, best in zip(ranges, middles.tolist(), where.tolist(), strict=True)
            for part in ((low, middle - 1, begin, best), (middle + 1, high, best, end))
            if part[0] <= part[1]
        ]
    return found, begins
