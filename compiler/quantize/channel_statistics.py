"""What calibration found of the channels of one tensor, as arrays."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array
from .ranges import Ranges, TensorStatistics


def largest_by_channel(ranges: Ranges, value: ir.Value, axis: int) -> Array | None:
    """Give the largest magnitude of each slice along the axis, float64[channels]; None when it is not in the ranges."""
    found = _along(ranges, value, axis)
    if found is None or not found.channel_low:
        return None
    largest: Array = np.maximum(np.abs(np.array(found.channel_low)), np.abs(np.array(found.channel_high)))
    return largest


def mean_by_channel(ranges: Ranges, value: ir.Value, axis: int) -> Array | None:
    """Give the mean of each slice along the axis, float64[channels]; None when it is not in the ranges."""
    found = _along(ranges, value, axis)
    return None if found is None or not found.channel_mean else np.array(found.channel_mean)


def _along(ranges: Ranges, value: ir.Value, axis: int) -> TensorStatistics | None:
    found = ranges.tensors.get(str(value.name))
    if found is None or found.channel_axis is None or value.shape is None:
        return None
    return found if found.channel_axis % len(value.shape) == axis else None
