"""Arithmetic of integers narrower or wider than int32, and of bits."""

from __future__ import annotations

from .lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
