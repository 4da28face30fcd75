"""Every hub operator that this target knows, and its lowering."""

from __future__ import annotations

from . import (
    activation,
    bits,
    convolution,
    elements,
    elementwise,
    grid_sample,
    indexing,
    integer_products,
    integers,
    linear,
    movement,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduction,
    resize,
    selection,
    sequences,
    shape,
    spectrum,
    transposed_convolution,
    trigonometry,
)
from .lowering import Lowering

LOWERINGS: dict[tuple[str, str], Lowering] = {
    ("", op): lowering
    for theme in (
        activation,
        bits,
        convolution,
        elements,
        elementwise,
        grid_sample,
        indexing,
        integer_products,
        integers,
        linear,
        movement,
        normalization,
        pooling,
        quantization,
        recurrent,
        reduction,
        resize,
        spectrum,
        selection,
        sequences,
        shape,
        transposed_convolution,
        trigonometry,
    )
    for op, lowering in theme.LOWERINGS.items()
}
"""(domain, operator) → its lowering."""
