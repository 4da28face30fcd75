"""Integers that stand for reals (iOS 17)."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened


def quantize(a: Arguments) -> Array:
    """Give `clip(round(input / scale) + zero_point)`, a tie rounded to the even number.

    The documentation does not say how a tie is rounded; coremltools' own evaluation of the operation rounds to even, as
    ONNX's QuantizeLinear does.
    """
    x, dtype = a["input"], np.dtype(a.text("output_dtype"))
    if dtype not in (np.int8, np.uint8):
        raise ValueError(f"output_dtype {dtype} is not documented")
    quotient = np.rint(widened(x) / _per_axis(a, a["scale"]))
    zero_point = a.get("zero_point")
    shifted = quotient if zero_point is None else quotient + _per_axis(a, zero_point).astype(np.float32)
    limits = np.iinfo(dtype)
    if np.isnan(shifted).any():
        raise ValueError("a value is no number")
    return np.clip(shifted, limits.min, limits.max).astype(dtype)


def dequantize(a: Arguments) -> Array:
    """Give `scale * (input - zero_point)`, of the dtype of `scale`."""
    scale, zero_point = a["scale"], a.get("zero_point")
    whole = a["input"].astype(np.int32)
    shifted = whole if zero_point is None else whole - _per_axis(a, zero_point).astype(np.int32)
    return narrowed(shifted.astype(np.float32) * _per_axis(a, scale), scale.dtype)


def _per_axis(a: Arguments, parameter: Array) -> Array:
    """Give a parameter so that it is broadcast: one for all, or one for each place along `axis`."""
    wide = widened(parameter)
    if parameter.ndim == 0:
        return wide
    rank = a["input"].ndim
    axis = a.integer("axis") % rank
    if parameter.shape != (a["input"].shape[axis],):
        raise ValueError(f"{parameter.shape} along axis {axis}")
    return wide.reshape(*(-1 if other == axis else 1 for other in range(rank)))


OPERATIONS: dict[str, Implementation] = {"dequantize": dequantize, "quantize": quantize}
