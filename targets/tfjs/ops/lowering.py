"""What a lowering is: one short function for one operator of the dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..builder import Builder
from ..call import Call
from ..graph import Tensor

Lowering = Callable[[Call, Builder], Tensor | Sequence[Tensor | None]]
"""Gives the value of the operator's result, or one for each of its results.

Raises `Refused` when TF.js cannot say the node exactly.
"""
