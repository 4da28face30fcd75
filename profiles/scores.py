"""What the built-in task metrics make of one row: a score, whose mean over the rows is the metric."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError
from ..vocabulary.tensor_folder import Array

Scores = NDArray[np.float64]

PSNR_CEILING_DB = 100.0
"""What a row without any error counts: infinity has no mean. (Rounding to 8 bits alone costs about 59 dB.)"""


def top_k(outputs: Array, labels: NDArray[np.int64], k: int) -> Scores:
    """Give 1.0 where the label is among the k highest scores; of equal scores the lower class comes first.

    outputs: [N, C] (further axes of size 1 are dropped); labels: int64[N]; a row that holds NaN counts 0.
    """
    scores = class_scores(outputs)
    own = scores[np.arange(len(scores)), labels][:, np.newaxis]
    earlier = np.arange(scores.shape[1]) < labels[:, np.newaxis]
    rank = np.count_nonzero((scores > own) | ((scores == own) & earlier), axis=1)
    hit: NDArray[np.bool_] = (rank < k) & ~np.isnan(scores).any(axis=1)
    return hit.astype(np.float64)


def squared_error(outputs: Array, labels: Array) -> Scores:
    """Give the mean squared error of each row; both [N, …] of one shape."""
    error = _flat(outputs) - _flat(labels)
    return np.asarray(np.mean(error * error, axis=1))


def absolute_error(outputs: Array, labels: Array) -> Scores:
    """Give the mean absolute error of each row; both [N, …] of one shape."""
    return np.asarray(np.mean(np.abs(_flat(outputs) - _flat(labels)), axis=1))


def psnr_db(outputs: Array, labels: Array, peak: float) -> Scores:
    """Give `10·log10(peak² / MSE)` of each row, at most `PSNR_CEILING_DB`; both [N, …] of one shape."""
    floor = peak * peak * 10.0 ** (-PSNR_CEILING_DB / 10.0)
    return np.asarray(10.0 * np.log10(peak * peak / np.maximum(squared_error(outputs, labels), floor)))


def cosine(outputs: Array, labels: Array) -> Scores:
    """Give the cosine of each row with its label; 1 where both are all zeros, 0 where one is. Both [N, …]."""
    left, right = _flat(outputs), _flat(labels)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    both_zero = ~left.any(axis=1) & ~right.any(axis=1)
    product = np.einsum("nk,nk->n", left, right)
    return np.where(both_zero, 1.0, product / np.where(lengths == 0.0, 1.0, lengths))


def auc(scores: Scores, labels: NDArray[np.bool_]) -> float:
    """Give the area under the ROC curve, ties counted half: Mann–Whitney's U / (positives × negatives).

    NaN when there are no positives or no negatives.
    """
    positives = int(np.count_nonzero(labels))
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    sizes = np.diff(np.append(first, len(ranked)))
    ranks = np.repeat(first + (sizes + 1) / 2, sizes)  # the mean rank of each group of ties, from 1
    return float((ranks[labels[order]].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def class_scores(outputs: Array) -> NDArray[np.float64]:
    """Give the scores of the classes, float64[N, C].

    Raises:
        DataError: when the output is no list of scores for each row.
    """
    kept = [size for size in outputs.shape[1:] if size != 1]
    if len(kept) != 1:
        raise DataError(
            f"a metric of classes needs an output [rows, classes], got {list(outputs.shape)}",
            hint="name the output with metric.output, or write the metric as file.py:function",
        )
    return np.asarray(outputs, np.float64).reshape(len(outputs), kept[0])


def class_indices(labels: Array, names: Sequence[str] | None, classes: int) -> NDArray[np.int64]:
    """Give labels (class numbers, or names out of `names`) as numbers.

    Raises:
        DataError: when a label is no class.
    """
    if labels.ndim != 1:
        raise DataError(f"expected one label a row, got labels of shape {list(labels.shape)}")
    if labels.dtype.kind in "US":
        texts = labels.astype(np.str_)
        if names is None:
            raise DataError(
                "the labels are names, but the output does not say its classes",
                hint='say model.outputs = { NAME = { labels = ["first", "second", …] } }',
            )
        known = {name: index for index, name in enumerate(names)}
        unknown = sorted(set(texts.tolist()) - known.keys())
        if unknown:
            raise DataError(f"the label {unknown[0]!r} is no class of the output")
        return np.array([known[text] for text in texts.tolist()], np.int64)
    numbers = labels.astype(np.int64) if labels.dtype.kind in "biuf" else None
    if numbers is None or (labels.dtype.kind == "f" and not np.array_equal(numbers, labels)):
        raise DataError(f"labels must be class numbers or names, got {labels.dtype}")
    outside = numbers[(numbers < 0) | (numbers >= classes)]
    if outside.size:
        raise DataError(f"the label {outside[0]} is no class of an output with {classes} classes")
    return numbers


def _flat(array: Array) -> NDArray[np.float64]:
    return np.asarray(array, np.float64).reshape(len(array), -1)
