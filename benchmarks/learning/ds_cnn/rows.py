"""Recordings that begin a little earlier or later."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_FRAMES = 5


def shifted(rows: dict[str, NDArray[np.float32]], draw: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Move each recording by up to five frames of 20 ms; mfcc: float32[batch, 1, frames, coefficients]."""
    moves = draw.integers(-MOST_FRAMES, MOST_FRAMES + 1, len(rows["mfcc"]))
    return {"mfcc": np.stack([np.roll(row, move, axis=1) for row, move in zip(rows["mfcc"], moves, strict=True)])}
