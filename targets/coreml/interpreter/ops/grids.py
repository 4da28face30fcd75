"""Where the samples of a resized axis lie in the original."""

from __future__ import annotations

import numpy as np

from ..arguments import Array


def grid(mode: str, size: float, count: int) -> Array:
    """Give the `count` places, float64, in `[0, size - 1]` that a sampling mode takes.

    The formulas are those of `resize_bilinear`. With one sample, where they divide by zero, the grid begins where
    `numpy.linspace` does, as `SamplingMode` in Core ML's `NeuralNetwork.proto` says of the same modes.

    Raises:
        ValueError: when the mode is unknown.
    """
    steps = np.arange(count, dtype=np.float64)
    last = size - 1
    if mode == "STRICT_ALIGN_CORNERS" or (mode == "ALIGN_CORNERS" and count > 1):
        return steps * (last / max(count - 1, 1))
    if mode == "ALIGN_CORNERS":
        return np.array([last / 2])
    if mode == "DEFAULT":
        places = steps * (size / count)
    elif mode == "OFFSET_CORNERS":
        places = (steps + 0.5) * (max(1.0, last) / count)
    elif mode == "UNALIGN_CORNERS":
        places = (steps + 0.5) * (size / count) - 0.5
    else:
        raise ValueError(f"sampling mode {mode!r} is unknown")
    return np.clip(places, 0, last)


def interpolated(x: Array, axis: int, places: Array) -> Array:
    """Interpolate linearly between the neighbours of each place along an axis; every place lies inside."""
    size = x.shape[axis]
    low = np.clip(np.floor(places).astype(np.int64), 0, size - 1)
    high = np.minimum(low + 1, size - 1)
    shape = [1] * x.ndim
    shape[axis] = -1
    weight = (places - low).astype(x.dtype).reshape(shape)
    first: Array = np.take(x, low, axis)
    between: Array = first + (np.take(x, high, axis) - first) * weight
    return between
