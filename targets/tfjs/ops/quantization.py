"""Integers that stand for reals, computed as reals on a grid."""

from __future__ import annotations

from .lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
