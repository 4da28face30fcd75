"""What a lowering is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..builder import Builder, Var
from ..call import Call

Lowering = Callable[[Call, Builder], Var | Sequence[Var | None]]
"""Makes the MIL operations of one hub node and gives its outputs, None for one that nobody wants.

Raises `Refused` with the reason when Core ML cannot say the node exactly, `NeedsNewer` when a later deployment target
can.
"""
