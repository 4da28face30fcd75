"""Every hub operator that this target knows, and its lowering."""

from __future__ import annotations

from . import (
    activation,
    bits,
    broadcasting,
    casting,
    comparison,
    convolution,
    einsum,
    elementwise,
    generation,
    indexing,
    integers,
    linear,
    movement,
    normalization,
    padding,
    pooling,
    quantization,
    quantized_products,
    recurrent,
    reduction,
    resize,
    sampling,
    scans,
    scattering,
    selection,
    shape,
    slicing,
    spectrum,
    trigonometry,
)
from .lowering import Lowering

LOWERINGS: dict[tuple[str, str], Lowering] = {
    ("", op): lowering
    for theme in (
        activation,
        bits,
        broadcasting,
        casting,
        comparison,
        convolution,
        einsum,
        elementwise,
        generation,
        indexing,
        integers,
        linear,
        movement,
        normalization,
        padding,
        pooling,
        quantization,
        quantized_products,
        recurrent,
        reduction,
        resize,
        sampling,
        scans,
        scattering,
        selection,
        shape,
        slicing,
        spectrum,
        trigonometry,
    )
    for op, lowering in theme.LOWERINGS.items()
}
"""(domain, operator) → its lowering."""
