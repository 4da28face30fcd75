"""What a lowering is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx_ir as ir

from ..builder import Builder
from ..call import Call

Lowering = Callable[[Call, Builder], ir.Value | Sequence[ir.Value | None]]
"""Makes the dialect nodes of one hub node and gives its outputs, None for one that nobody wants.

Raises `Refused` with the reason when TFLite cannot say the node exactly.
"""
