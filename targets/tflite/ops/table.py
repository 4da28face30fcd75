"""Every hub operator that this target knows, and its lowering."""

from __future__ import annotations

from typing import Final

from ....compiler.lowering.themes import lowerings_of

_THEMES: Final = (
    "activation",
    "bits",
    "convolution",
    "elements",
    "elementwise",
    "grid_sample",
    "indexing",
    "integer_products",
    "integers",
    "linear",
    "movement",
    "normalization",
    "pooling",
    "quantization",
    "recurrent",
    "reduction",
    "resize",
    "selection",
    "sequences",
    "shape",
    "spectrum",
    "transposed_convolution",
    "trigonometry",
)

LOWERINGS: Final = lowerings_of(__package__, _THEMES)
"""(domain, operator) → its lowering."""
