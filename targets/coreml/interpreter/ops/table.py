"""Every MIL operation that the interpreter knows."""

from __future__ import annotations

from . import (
    activation,
    blocks_of_space,
    classification,
    compressed,
    control,
    convolution,
    elementwise,
    gathering,
    linear,
    lists,
    movement,
    normalization,
    pooling,
    quantization,
    random,
    recurrent,
    reduction,
    resizing,
    scattering,
    selection,
    shape,
    states,
    transformers,
)
from .operation import Implementation

OPERATIONS: dict[str, Implementation] = {
    operation: implementation
    for theme in (
        activation,
        blocks_of_space,
        classification,
        compressed,
        control,
        convolution,
        elementwise,
        gathering,
        linear,
        lists,
        movement,
        normalization,
        pooling,
        quantization,
        random,
        recurrent,
        reduction,
        resizing,
        scattering,
        selection,
        shape,
        states,
        transformers,
    )
    for operation, implementation in theme.OPERATIONS.items()
}
"""MIL's name of an operation → what computes it."""
