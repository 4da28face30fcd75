"""Reductions, and where the largest element is."""

from __future__ import annotations

from .lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
