"""All lowerings, by domain and operator."""

from __future__ import annotations

from typing import Final

from ...lowering.themes import lowerings_of

_THEMES: Final = (
    "activation",
    "bits",
    "casting",
    "comparison",
    "convolution",
    "einsum",
    "elementwise",
    "generation",
    "indexing",
    "integers",
    "linear",
    "movement",
    "normalization",
    "padding",
    "pooling",
    "quantization",
    "quantized_products",
    "recurrent",
    "reduction",
    "resize",
    "sampling",
    "scans",
    "selection",
    "shape",
    "slicing",
    "spectrum",
    "suppression",
)

LOWERINGS: Final = lowerings_of(__package__, _THEMES)
"""(domain, operator) → how it is said."""
