"""Labels of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Arguments
from .operation import Implementation


def classify(a: Arguments) -> tuple[Any, dict[Any, float]]:
    """Give the class of the largest probability (the first of equal ones), and the probability of each class.

    Raises:
        ValueError: when there are not as many classes as probabilities.
    """
    probabilities = a["probabilities"].ravel()
    classes = [label for entry in a.list("classes") for label in np.asarray(entry).ravel().tolist()]
    if len(classes) != probabilities.size:
        raise ValueError(f"{len(classes)} classes, {probabilities.size} probabilities")
    by_class = dict(zip(classes, map(float, probabilities), strict=True))
    return classes[int(probabilities.argmax())], by_class


OPERATIONS: dict[str, Implementation] = {"classify": classify}
