"""How much worse an artifact is at its task than the original, on the same rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError, ToolError
from ..vocabulary.tensor_folder import Array, TensorFolder
from .built_in_metric import PERCENT
from .metrics import Metric
from .report import MetricResult
from .statistics import paired_interval

DECIMALS = 9
"""A drop is rounded to these, far below one row's share: 1.0000000000000009 pp is the 1 pp that it stands for."""


def measure_drop(
    metric: Metric, reference: TensorFolder, candidate: TensorFolder, labels: Array | None
) -> MetricResult:
    """Judge both by the metric, with the paired bootstrap interval of the drop.

    `labels`: one for each row of the outputs; None only for a metric that can take the original's output instead.

    Raises:
        DataError: when the labels do not fit, are needed and missing, or the original's own figure is 0 or no number.
        ToolError: when the artifact's figure is no number (its outputs are not).
    """
    if labels is None:
        labels = metric.labels_from(reference)
    original, own = metric.figures(reference, labels), metric.figures(candidate, labels)
    if not math.isfinite(original.value):
        raise DataError(f"metric {metric.name} of the original model is {original.value}")
    if not math.isfinite(own.value):
        raise ToolError(f"metric {metric.name} of the artifact is {own.value}: its outputs are not finite")
    scale = 100.0
    if metric.unit == PERCENT:
        if original.value == 0.0:
            raise DataError(
                f"metric {metric.name} of the original model is 0, so a drop in percent of it has no meaning",
                hint="give labels that do not come from the model itself, or gate on max_abs or min_psnr",
            )
        scale /= abs(original.value)
    if metric.higher_is_better:
        scale = -scale

    def drop(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round((after - before) * scale, DECIMALS) + 0.0  # + 0.0: no negative zero

    low, high = paired_interval(original, own, len(labels), drop)
    return MetricResult(
        name=metric.name,
        value=own.value,
        reference=original.value,
        drop_pp=float(drop(np.array([original.value]), np.array([own.value]))[0]),
        ci95=(low, high),
        rows=len(labels),
        unit=metric.unit,
    )
