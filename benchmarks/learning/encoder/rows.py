"""Rows of `digits_encoder.py`: those that it was trained on, and those kept back."""

from __future__ import annotations

import numpy as np
from digits_encoder import digits
from numpy.typing import NDArray

Rows = dict[str, NDArray[np.generic]]


def training() -> Rows:
    """Give picture: float32[1000, 8, 8], and label."""
    (pictures, labels), _ = digits()
    return {"picture": pictures, "label": labels}


def unseen() -> Rows:
    """Give picture: float32[797, 8, 8], and label."""
    _, (pictures, labels) = digits()
    return {"picture": pictures, "label": labels}
