"""Pictures and what models take: pixels of 0 to 255, and the numbers that a preprocessing contract makes of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .signature import TensorSpec

Array = NDArray[np.generic]

CHANNELS = {"RGB": 3, "BGR": 3, "L": 1}
"""Colour order of a preprocessing contract → how many channels it has."""

OFF_GRID = 0.02
"""How far from a whole number a pixel may be that was computed back from what was preprocessed.

float32 arithmetic is off by less than a thousandth; a picture that was resized after it was read, by up to a half.
"""


def is_picture(spec: TensorSpec) -> bool:
    """Whether an input takes float32 that is made of pixels, [N, C, H, W] in a known order of channels."""
    contract = spec.preprocess
    if contract is None or contract.colour not in CHANNELS or spec.dtype != "float32":
        return False
    channels = CHANNELS[contract.colour]
    lengths = {len(contract.scale), len(contract.bias)}
    return len(spec.shape) == 4 and spec.shape[_axis(spec)] == channels and lengths <= {1, channels}


def preprocessed(pixels: Array, spec: TensorSpec) -> NDArray[np.float32]:
    """Give what an input takes for pixels: `(pixels * scale) + bias`, uint8[N, C, H, W] → float32, in its layout."""
    scale, bias = _factors(spec)
    return np.asarray(pixels.astype(np.float32) * scale + bias)


def pixels_of(array: Array, spec: TensorSpec) -> NDArray[np.uint8]:
    """Give the pixels that an input's numbers were made of: float[N, C, H, W] → uint8, in its own layout.

    Raises:
        ValueError: when they are not made of whole numbers from 0 to 255.
    """
    scale, bias = _factors(spec)
    exact = (array.astype(np.float64) - bias) / scale
    whole = np.rint(exact)
    off = ~((np.abs(exact - whole) <= OFF_GRID) & (whole >= 0) & (whole <= 255))
    if off.any():
        first = exact[off].ravel()[0]
        raise ValueError(
            f"{spec.name!r}: no picture: a pixel would be {first:.6g}, and pixels are whole numbers from 0 to 255"
        )
    return np.asarray(whole.astype(np.uint8))


def _axis(spec: TensorSpec) -> int:
    return (spec.layout or "NCHW").index("C")


def _factors(spec: TensorSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give scale and bias so that they meet the channels."""
    assert spec.preprocess is not None, spec
    shape = [1, 1, 1, 1]
    shape[_axis(spec)] = -1
    contract = spec.preprocess
    return np.asarray(contract.scale, np.float32).reshape(shape), np.asarray(contract.bias, np.float32).reshape(shape)
