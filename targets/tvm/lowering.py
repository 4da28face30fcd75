"""What a lowering into Relax is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.lowering.call import Call
from .builder import Builder, Expr

Lowering = Callable[[Call[Expr], Builder], Expr | Sequence[Expr | None]]
"""Writes the Relax calls of one hub node and gives its outputs, None for one that nobody wants.

Raises `Refused` with the reason when Relax cannot say the node exactly.
"""
