"""A metric of one set of outputs, and how it varies with the rows that it is taken from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MeanFigures:
    """A metric that is the mean of the rows' scores, float64[N]."""

    scores: NDArray[np.float64]

    @property
    def row_bytes(self) -> int:
        """How much memory one row costs when rows are drawn anew."""
        return self.scores.itemsize

    @property
    def value(self) -> float:
        """The mean."""
        return float(self.scores.mean())

    def resampled(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the means over rows drawn anew."""
        return np.asarray(self.scores[index].mean(axis=1))


@dataclass(frozen=True)
class SampleFigures:
    """A metric of the sample as a whole: `function(index int64[n]) -> float` for any choice of rows.

    `row_bytes` is how much memory one row costs when rows are drawn anew.
    """

    function: Callable[[NDArray[np.int64]], float]
    row_count: int
    row_bytes: int

    @property
    def value(self) -> float:
        """The metric of all rows."""
        return self.function(np.arange(self.row_count))

    def resampled(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the metric over rows drawn anew, one draw after the other."""
        return np.array([self.function(rows) for rows in index], np.float64)


Figures = MeanFigures | SampleFigures
