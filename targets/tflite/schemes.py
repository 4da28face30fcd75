"""How LiteRT wants numbers quantized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...compiler.quantize.scheme import Scheme
from ...vocabulary.precision import Precision

SCHEMES: Final[Mapping[Precision, Scheme]] = {}
"""Precision → scheme."""
