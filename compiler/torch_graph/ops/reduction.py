"""Reduction."""

from __future__ import annotations

from ..lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
