"""How sure a difference is: the paired bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError
from .figures import Figures

RESAMPLES = 2000
"""Draws of an interval: its ends then move by less than a tenth of its width from one seed to another."""
FEWEST_RESAMPLES = 200
SEED = 20_000
CHUNK_BYTES = 64_000_000
"""How much memory a block of draws may take."""
TRAFFIC_BYTES = 4_000_000_000
"""How much memory all draws may copy: a metric that needs whole outputs for each draw gets fewer of them."""


def paired_interval(
    reference: Figures,
    candidate: Figures,
    row_count: int,
    drop: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> tuple[float, float]:
    """Give the 95% percentile interval of `drop(reference, candidate)`, both taken from the same drawn rows.

    Draws `row_count` rows with replacement (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §13.3) with
    a fixed seed: equal figures give equal intervals. A draw for which the metric is undefined (a class is missing) is
    left out.

    Raises:
        DataError: when the metric is undefined for half of the draws or more.
    """
    generator = np.random.default_rng(SEED)
    row_bytes = max(reference.row_bytes, candidate.row_bytes)
    resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, TRAFFIC_BYTES // (2 * row_count * row_bytes)))
    block = max(1, CHUNK_BYTES // (row_count * 16))
    drops: list[NDArray[np.float64]] = []
    for start in range(0, resamples, block):
        index = generator.integers(0, row_count, (min(block, resamples - start), row_count))
        drops.append(drop(reference.resampled(index), candidate.resampled(index)))
    found = np.concatenate(drops)
    found = found[np.isfinite(found)]
    if len(found) * 2 <= resamples:
        raise DataError("there are too few rows for an interval: most draws of them leave the metric undefined")
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)
