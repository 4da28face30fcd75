"""All lowerings, by domain and operator."""

from __future__ import annotations

from typing import Final

from ....compiler.lowering.themes import lowerings_of

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
    "linear",
    "movement",
    "normalization",
    "padding",
    "pooling",
    "quantization",
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
)

LOWERINGS: Final = lowerings_of(__package__, _THEMES)
"""(domain, operator) → how it is said."""
