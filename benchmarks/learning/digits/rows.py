"""The rows that the demo's model was trained on, and pictures moved by a pixel."""

from __future__ import annotations

import numpy as np
import train
from numpy.typing import NDArray

Rows = dict[str, NDArray[np.generic]]


def training() -> Rows:
    """Give image: float32[1197, 1, 8, 8], and label."""
    (images, labels), _ = train.split()
    return {"image": images, "label": labels}


def shifted(rows: Rows, draw: np.random.Generator) -> Rows:
    """Move every image by at most one pixel each way, filling with blank paper."""
    padded = np.pad(rows["image"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = draw.integers(0, 3, (len(padded), 2)).tolist()
    return {"image": np.stack([image[:, y : y + 8, x : x + 8] for image, (y, x) in zip(padded, moves, strict=True)])}
