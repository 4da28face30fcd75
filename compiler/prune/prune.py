"""Prune: a model loses what its outputs need least."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import onnx_ir as ir

from ..quantize.sparsify import share_said
from ..train.learning import Taught
from .blocks import take_blocks
from .channels import plan, take_out
from .importance import Importance, by_magnitude, by_taylor
from .widths import Widths
from .zeros import Pattern, set_to_zero

_IMPORTANCES: Final = ("magnitude", "taylor")


class Prune(Taught):
    """Takes out whole channels (`structured`) or `blocks`, or sets weights to zero by a `sparsity` or a `pattern`.

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
        blocks: int = 0,
        sparsity: str = "",
        pattern: str = "",
    ) -> None:
        """Take one of four ways.

        `structured` with `macs`: channels go until that share of the multiply-accumulates is left, `"50%"`; with
        `width`: until every layer that can lose some is that share as wide. Widths become multiples of `multiple`.
        `importance` is what channels are judged by: `"magnitude"`, or `"taylor"`, which looks at training rows.
        `heads`: attention loses whole heads, and not channels of each. `blocks`: so many residual blocks go, those that
        change the outputs least on training rows. `sparsity`: that share of every weight becomes zero, `"90%"`.
        `pattern`: of each four input channels no more than two keep their weight, `"2:4"`.

        Raises:
            ValueError: when not one way is asked for, or its option cannot be meant.
        """
        ways = {"structured": structured, "blocks": blocks, "sparsity": sparsity, "pattern": pattern}
        asked = [name for name, value in ways.items() if value]
        if len(asked) != 1:
            raise ValueError(
                f"{' and '.join(asked) or 'nothing'} asked for; "
                "say one of structured = true (with macs or width), blocks, sparsity and pattern"
            )
        if blocks < 0:
            raise ValueError(f"blocks = {blocks}: expected at least 1")
        if structured != (bool(macs) != bool(width)) or (macs and width):
            raise ValueError(
                'structured takes one of macs and width, and they take structured: { structured = true, macs = "50%" }'
            )
        if multiple < 1:
            raise ValueError(f"multiple = {multiple}: expected at least 1")
        if importance not in _IMPORTANCES:
            raise ValueError(f"importance = {importance!r}: expected one of {', '.join(_IMPORTANCES)}")
        if not structured and (importance != "magnitude" or heads):
            raise ValueError(f"importance and heads are of structured = true, and {asked[0]} is asked for")
        self.macs = share_said("macs", macs) if macs else None
        self.width = share_said("width", width) if width else None
        self.sparsity = share_said("sparsity", sparsity) if sparsity else None
        self.pattern = Pattern.parse(pattern) if pattern else None
        self.multiple, self.heads, self.blocks = multiple, heads, blocks
        self.needs_material = importance == "taylor" or blocks > 0
        self.packages = ("torch",) if self.needs_material else ()

    def rewrite(self, model: ir.Model) -> bool:
        """Prune it.

        Raises:
            RefusedError: when the model cannot lose so much, or has no weights to lose; where rows are looked at, when
                PyTorch cannot say some node.
            DataError: when rows or labels are not the model's.
            ModelError: when the loss is asked for of a model without an output of floats.
        """
        if self.blocks:
            from ..train.change import change_from

            take_blocks(model, self.blocks, change_from(replace(self.material.teacher, ir=model), self.material))
            return True
        share = self.macs or self.width
        if share is None:
            set_to_zero(model, self.pattern or self.sparsity or 0.0)
            return True
        planned = plan(
            model,
            share,
            Widths(multiple=self.multiple, least=self.multiple),
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
