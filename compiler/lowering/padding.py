"""How far Pad and CenterCropPad make axes longer, or cut them, at both ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .operands import Array, Operands
from .refused import Refused

Ends = Mapping[int, tuple[int, int]]
"""Axis → how many elements come before and behind; what is negative is cut."""


def ends_of(call: Operands) -> dict[int, tuple[int, int]]:
    """Read a Pad.

    Raises:
        Refused: when it is not constant, or cuts in another mode than `constant`, which ONNX leaves open.
    """
    rank, mode = call.rank(), call.text("mode", "constant")
    pads = call.constant_ints(1, "list of pads") or []
    axes = call.constant_ints(3, "list of axes") or [*range(rank)]
    ends = {axis % rank: (pads[place], pads[place + len(axes)]) for place, axis in enumerate(axes)}
    if mode != "constant" and any(end < 0 for both in ends.values() for end in both):
        raise Refused(f"negative pads in the mode {mode}")
    return ends


def centred(size: int, wanted: int) -> tuple[int, int]:
    """Give what CenterCropPad adds at the ends of an axis, one more behind where the difference is odd."""
    more = wanted - size
    before = more // 2 if more > 0 else -(-more // 2)
    return before, more - before


def left(ends: Ends, sizes: Sequence[int | None]) -> dict[int, range]:
    """Give the places of axes that are cut which stay.

    Raises:
        Refused: when the size of one is known only at run time.
    """
    bounds = {}
    for axis, (before, behind) in ends.items():
        size = sizes[axis]
        if min(before, behind) < 0:
            if size is None:
                raise Refused("negative pads along an axis whose size is known only at run time")
            bounds[axis] = range(max(-before, 0), size - max(-behind, 0))
    return bounds


def added(ends: Ends) -> dict[int, tuple[int, int]]:
    """Give what comes before and behind the axes that get longer."""
    more = {axis: (max(before, 0), max(behind, 0)) for axis, (before, behind) in ends.items()}
    return {axis: both for axis, both in more.items() if any(both)}


def repeated(size: int, ends: tuple[int, int], mode: str) -> Array:
    """Give which elements of an axis stand in a padded one, int64[before + size + behind], for ONNX's other modes."""
    return np.pad(np.arange(size), ends, mode=mode)  # type: ignore[call-overload,no-any-return]  # a mode of ONNX's
