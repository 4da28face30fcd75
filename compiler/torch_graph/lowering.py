"""What a lowering into PyTorch is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..lowering.call import Call
from .builder import Builder

if TYPE_CHECKING:
    from torch.fx import Node

Lowering = Callable[["Call[Node]", Builder], "Node | Sequence[Node | None]"]
"""Writes the PyTorch calls of one hub node and gives its outputs, None for one that nobody wants.

Raises `Refused` with the reason when PyTorch cannot say the node exactly.
"""
