"""Every hub operator that this target knows, and its lowering."""

from __future__ import annotations

from typing import Final

from ....compiler.lowering.themes import lowerings_of

_THEMES: Final = (
    "activation",
    "bits",
    "broadcasting",
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
    "scattering",
    "selection",
    "shape",
    "slicing",
    "spectrum",
    "trigonometry",
)

LOWERINGS: Final = lowerings_of(__package__, _THEMES)
"""(domain, operator) → its lowering."""
