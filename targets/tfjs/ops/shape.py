"""Shapes: reshape, pad, slice, join, split, spread."""

from __future__ import annotations

from .lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
