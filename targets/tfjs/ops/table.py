"""Every operator of the dialect that TF.js can say, and its lowering."""

from __future__ import annotations

from . import (
    activation,
    bits,
    casting,
    comparison,
    convolution,
    elementwise,
    indexing,
    linear,
    movement,
    normalization,
    padding,
    pooling,
    quantization,
    reduction,
    resize,
    shape,
    sorting,
)
from .lowering import Lowering

_THEMES = (
    activation,
    bits,
    casting,
    comparison,
    convolution,
    elementwise,
    indexing,
    linear,
    movement,
    normalization,
    padding,
    pooling,
    quantization,
    reduction,
    resize,
    shape,
    sorting,
)

LOWERINGS: dict[str, Lowering] = {op: lowering for theme in _THEMES for op, lowering in theme.LOWERINGS.items()}
"""Operator of the dialect → its lowering."""
