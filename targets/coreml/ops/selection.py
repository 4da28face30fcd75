"""Choices among elements: by mask, by rank, by place."""

from __future__ import annotations

from .lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
