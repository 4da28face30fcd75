"""Quantize: the step of a recipe that makes an integer variant, by the scheme of the target."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ...vocabulary.precision import Precision
from .informed import InformedPass


class Quantize(InformedPass):
    """Puts standard QuantizeLinear and DequantizeLinear nodes where the scheme of the target wants them."""

    def __init__(self, precision: str, keep_float: Sequence[str] = ()) -> None:
        """`keep_float` names nodes that stay float.

        Raises:
            ValueError: when there is no such precision, or it is none of integers.
        """
        known = [name for name in Precision if name.integer]
        if precision not in known:
            raise ValueError(f"precision {precision!r}: expected one of {', '.join(known)}")
        self.precision = Precision(precision)
        self.needs_ranges = self.precision.static
        self.keep_float = tuple(keep_float)

    def rewrite(self, model: ir.Model) -> bool:
        """Insert the nodes."""
        raise NotImplementedError
