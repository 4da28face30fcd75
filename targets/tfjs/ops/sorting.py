"""Order: the largest few, running sums, boxes that do not overlap."""

from __future__ import annotations

from .lowering import Lowering

LOWERINGS: dict[str, Lowering] = {}
