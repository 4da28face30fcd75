"""The metrics that are known by name; each looks at one output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError
from ..vocabulary.signature import TensorSpec
from ..vocabulary.tensor_folder import Array, TensorFolder
from . import scores
from .figures import Figures, MeanFigures, SampleFigures

CHUNK_ELEMENTS = 1 << 20
"""Elements of an output that are scored at a time: 8 MiB as float64."""

SHARE, PERCENT = "pp", "%"
"""Units of a drop: percentage points of a share, or percent of the reference."""


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Which way a metric is better, in which unit it drops, and whether it needs labels.

    Without labels, the original's output stands for them.
    """

    higher_is_better: bool
    unit: str
    needs_labels: bool


BUILT_IN: Mapping[str, Direction] = {
    "top1": Direction(higher_is_better=True, unit=SHARE, needs_labels=True),
    "top5": Direction(higher_is_better=True, unit=SHARE, needs_labels=True),
    "auc": Direction(higher_is_better=True, unit=SHARE, needs_labels=True),
    "mse": Direction(higher_is_better=False, unit=PERCENT, needs_labels=False),
    "mae": Direction(higher_is_better=False, unit=PERCENT, needs_labels=False),
    "psnr": Direction(higher_is_better=True, unit=PERCENT, needs_labels=False),
    "cosine": Direction(higher_is_better=True, unit=PERCENT, needs_labels=False),
}
"""Every built-in metric by name."""


@dataclass(frozen=True, kw_only=True)
class BuiltInMetric:
    """The metric `name` of `BUILT_IN`, of one output."""

    name: str
    output: TensorSpec

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        return BUILT_IN[self.name].higher_is_better

    @property
    def unit(self) -> str:
        """The unit of a drop, `pp` or `%`."""
        return BUILT_IN[self.name].unit

    def labels_from(self, reference: TensorFolder) -> Array:
        """Give the original's output, to stand for labels that are not there.

        Raises:
            DataError: when the metric needs labels of its own.
        """
        if BUILT_IN[self.name].needs_labels:
            raise DataError(f"metric {self.name} needs labels", hint="name them with data.evaluation.labels")
        return reference[self.output.name]

    def figures(self, outputs: TensorFolder, labels: Array) -> Figures:
        """Judge the output that the metric looks at.

        Raises:
            DataError: when the labels do not fit the output.
        """
        output = outputs[self.output.name]
        if len(labels) != len(output):
            raise DataError(f"there are {len(labels)} labels for {len(output)} rows")
        if self.name in ("top1", "top5"):
            classes = scores.class_scores(output[:1]).shape[1]
            numbers = scores.class_indices(labels, self.output.labels, classes)
            k = 1 if self.name == "top1" else 5
            return _by_chunks(output, numbers, lambda rows, own: scores.top_k(rows, own, k))
        if self.name == "auc":
            return _auc_figures(output, scores.class_indices(labels, self.output.labels, 2) == 1)
        if labels.dtype.kind not in "biuf" or labels.shape[1:] != output.shape[1:]:
            raise DataError(
                f"metric {self.name} compares with labels like the output, {output.dtype}{list(output.shape[1:])} "
                f"a row; got {labels.dtype}{list(labels.shape[1:])}"
            )
        if self.name == "psnr":
            peak = self._peak(labels)
            return _by_chunks(output, labels, lambda rows, own: scores.psnr_db(rows, own, peak))
        score = {"mse": scores.squared_error, "mae": scores.absolute_error, "cosine": scores.cosine}[self.name]
        return _by_chunks(output, labels, score)

    def _peak(self, labels: Array) -> float:
        """Give the span of the output's range where the signature has one, else the largest magnitude of the labels."""
        if self.output.range is not None:
            return self.output.range[1] - self.output.range[0]
        peak = float(max(-float(labels.min()), float(labels.max())))
        if not peak > 0.0:
            raise DataError("psnr needs labels that are not all zero, or a range of the output")
        return peak


def _by_chunks(output: Array, labels: Array, score: Callable[[Any, Any], NDArray[np.float64]]) -> MeanFigures:
    rows = max(1, CHUNK_ELEMENTS * len(output) // max(output.size, 1))
    return MeanFigures(
        np.concatenate(
            [score(output[start : start + rows], labels[start : start + rows]) for start in range(0, len(output), rows)]
        )
    )


def _auc_figures(output: Array, positive: NDArray[np.bool_]) -> SampleFigures:
    values = np.asarray(output, np.float64).reshape(len(output), -1)
    if values.shape[1] not in (1, 2):
        raise DataError(f"auc needs one score a row, or one for each of two classes; got {list(output.shape)}")
    ranked = values[:, -1]
    if np.isnan(ranked).any():
        raise DataError("auc cannot rank rows that are NaN")
    if positive.all() or not positive.any():
        raise DataError("auc needs labels of both classes")

    def value(index: NDArray[np.int64]) -> float:
        return scores.auc(ranked[index], positive[index])

    return SampleFigures(value, row_count=len(ranked), row_bytes=64)  # sorting a row costs like copying so much
