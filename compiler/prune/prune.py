"""Prune: a model loses what its outputs need least."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import onnx_ir as ir

from ..quantize.sparsify import share_said
from ..train.learning import Taught
from .channels import plan, take_out
from .importance import Importance, by_magnitude, by_taylor
from .widths import Widths
from .zeros import Pattern, set_to_zero

_IMPORTANCES: Final = ("magnitude", "taylor")


class Prune(Taught):
    """Takes out whole channels (`structured`), or sets single weights to zero by a `sparsity` or a `pattern`.

    What goes is what has the least weights, or what the loss needs least. Nothing is trained: how much a model lost
    shows in its outputs.
    """

    approximates = True

    def __init__(
        self,
        structured: bool = False,
        macs: str = "",
        width: str = "",
        multiple: int = 8,
        importance: str = "magnitude",
        heads: bool = False,
        sparsity: str = "",
        pattern: str = "",
    ) -> None:
        """Take one of three ways.

        `structured` with `macs`: channels go until that share of the multiply-accumulates is left, `"50%"`; with
        `width`: until every layer that can lose some is that share as wide. Widths become multiples of `multiple`.
        `importance` is what channels are judged by: `"magnitude"`, or `"taylor"`, which looks at training rows. `heads`: attention loses whole heads, and not channels of each. `sparsity`: that share
        of every weight becomes zero, `"90%"`. `pattern`: of each four input channels no more than two keep their
        weight, `"2:4"`.

        Raises:
            ValueError: when not one way is asked for, or its option cannot be meant.
        """
        asked = [
            name for name, value in (("structured", structured), ("sparsity", sparsity), ("pattern", pattern)) if value
        ]
        if len(asked) != 1:
            raise ValueError(
                f"{' and '.join(asked) or 'nothing'} asked for; "
                "say one of structured = true (with macs or width), sparsity and pattern"
            )
        if structured != (bool(macs) != bool(width)) or (macs and width):
            raise ValueError(
                'structured takes one of macs and width, and they take structured: { structured = true, macs = "50%" }'
            )
        if multiple < 1:
            raise ValueError(f"multiple = {multiple}: expected at least 1")
        if importance not in _IMPORTANCES:
            raise ValueError(f"importance = {importance!r}: expected one of {', '.join(_IMPORTANCES)}")
        if not structured and (importance != "magnitude" or heads):
            raise ValueError(f"importance and heads are of structured = true; by {asked[0]} the smallest weights go")
        self.macs = share_said("macs", macs) if macs else None
        self.width = share_said("width", width) if width else None
        self.sparsity = share_said("sparsity", sparsity) if sparsity else None
        self.pattern = Pattern.parse(pattern) if pattern else None
        self.multiple, self.heads = multiple, heads
        self.needs_material = importance == "taylor"
        self.packages = ("torch",) if self.needs_material else ()

    def rewrite(self, model: ir.Model) -> bool:
        """Prune it.

        Raises:
            RefusedError: when the model cannot lose so much, or has no weights to lose; by Taylor expansion, when
                PyTorch cannot say some node.
            DataError: when rows or labels are not the model's.
            ModelError: when the loss is asked for of a model without an output of floats.
        """
        share = self.macs or self.width
        if share is None:
            set_to_zero(model, self.pattern or self.sparsity or 0.0)
            return True
        planned = plan(
            model,
            share,
            Widths(multiple=self.multiple, least=min(self.multiple, 8)),
            of="macs" if self.macs is not None else "width",
            importance=self._importance(model),
            whole_heads=self.heads,
        )
        take_out(model, planned)
        return True

    def _importance(self, model: ir.Model) -> Importance:
        if not self.needs_material:
            return by_magnitude
        from ..train.taylor import products

        return partial(by_taylor, products=products(replace(self.material.teacher, ir=model), self.material))
