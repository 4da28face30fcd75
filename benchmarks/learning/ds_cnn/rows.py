"""Recordings that begin a little earlier or later."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_FRAMES = 4


def shifted(rows: dict[str, NDArray[np.float32]], draw: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Move a batch by up to four frames of 20 ms; mfcc: float32[batch, 1, frames, coefficients]."""
    frames = int(draw.integers(-MOST_FRAMES, MOST_FRAMES + 1))
    return {"mfcc": np.roll(rows["mfcc"], frames, axis=2)}
