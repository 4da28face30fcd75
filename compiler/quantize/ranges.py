"""What calibration found of each tensor, as a file that can be looked at, kept and given again."""

from __future__ import annotations

from typing import Final

import msgspec

FORMAT: Final = "edgewright-ranges"
"""What the field `format` of a ranges file says."""


class TensorStatistics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values that one float tensor of the hub model took over all calibration rows.

    `counts[i]` values lie in `[bin_low + i · bin_width, bin_low + (i + 1) · bin_width)`. The channel statistics are of
    the slices along `channel_axis`, the axis that the tensor's consumers reduce over or that its producer gives
    channels in; they are empty where there is none. Memory is bounded: none of this grows with the number of rows.
    """

    low: float
    high: float
    count: int
    bin_low: float
    bin_width: float
    counts: tuple[int, ...]
    channel_axis: int | None = None
    channel_low: tuple[float, ...] = ()
    channel_high: tuple[float, ...] = ()
    channel_mean: tuple[float, ...] = ()


class Ranges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The statistics of every float tensor that is computed in a hub model, by the tensor's name.

    `model` is the digest of the graph that was run, `rows` how many rows of calibration data it saw.
    """

    format: str
    version: int
    model: str
    rows: int
    tensors: dict[str, TensorStatistics]
