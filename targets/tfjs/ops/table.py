"""Every operator of the dialect that TF.js can say, and its lowering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ....compiler.lowering.themes import lowerings_of
from ....compiler.lowering.walk import Lowering

_THEMES: Final = (
    "activation",
    "bits",
    "casting",
    "comparison",
    "convolution",
    "elementwise",
    "indexing",
    "linear",
    "movement",
    "normalization",
    "padding",
    "pooling",
    "quantization",
    "reduction",
    "resize",
    "shape",
    "sorting",
)

LOWERINGS: Final[Mapping[str, Lowering[Any]]] = {
    operator: lowering for (_, operator), lowering in lowerings_of(__package__, _THEMES).items()
}
"""Operator of the dialect → its lowering."""
