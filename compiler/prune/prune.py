"""Prune: a model loses what its outputs need least."""

from __future__ import annotations

import onnx_ir as ir

from ...vocabulary.errors import RefusedError
from ..passes.base import Pass
from ..quantize.record import note
from ..quantize.sparsify import share_said, without_smallest
from ..quantize.stored_weights import put, stored_weights
from .channels import plan, take_out
from .widths import Widths
from .zeros import Pattern, input_axis


class Prune(Pass):
    """Takes out whole channels (`structured`), or sets single weights to zero by a `sparsity` or a `pattern`.

    What goes is what has the least weights. Nothing is trained: how much a model lost shows in its outputs.
    """

    def __init__(
        self, structured: bool = False, macs: str = "", multiple: int = 8, sparsity: str = "", pattern: str = ""
    ) -> None:
        """Take one of three ways.

        `structured` with `macs`: channels go until that share of the multiply-accumulates is left, `"50%"`; widths
        become multiples of `multiple`. `sparsity`: that share of every weight becomes zero, `"90%"`. `pattern`: of each
        four input channels no more than two keep their weight, `"2:4"`.

        Raises:
            ValueError: when not one way is asked for, or its option cannot be meant.
        """
        asked = [
            name for name, value in (("structured", structured), ("sparsity", sparsity), ("pattern", pattern)) if value
        ]
        if len(asked) != 1:
            raise ValueError(
                f"{' and '.join(asked) or 'nothing'} asked for; "
                "say one of structured = true (with macs), sparsity and pattern"
            )
        if structured != bool(macs):
            raise ValueError('macs and structured belong together: { structured = true, macs = "50%" }')
        if multiple < 1:
            raise ValueError(f"multiple = {multiple}: expected at least 1")
        self.macs = share_said("macs", macs) if macs else None
        self.sparsity = share_said("sparsity", sparsity) if sparsity else None
        self.pattern = Pattern.parse(pattern) if pattern else None
        self.multiple = multiple

    def rewrite(self, model: ir.Model) -> bool:
        """Prune it.

        Raises:
            RefusedError: when the model cannot lose so much, or has no weights to lose.
        """
        if self.macs is not None:
            take_out(model, plan(model, self.macs, Widths(multiple=self.multiple, least=min(self.multiple, 8))))
            return True
        zeros = weights = 0
        for value, weight, readers in stored_weights(model):
            if self.sparsity is not None:
                put(value, without_smallest(weight, round(self.sparsity * weight.size)))
            elif self.pattern is not None:
                node, index = readers[0]
                pruned = self.pattern.of_weight(weight, input_axis(node, index, weight.ndim))
                if pruned is None:
                    note(
                        model,
                        "prune",
                        node.name or "",
                        f"stays: its input channels are no multiple of {self.pattern.of}",
                    )
                else:
                    put(value, pruned)
            tensor = value.const_value
            assert tensor is not None
            zeros, weights = zeros + int((tensor.numpy() == 0).sum()), weights + tensor.size
        if not weights:
            raise RefusedError("prune: no weight of the model is large enough", hint="leave the step out")
        note(model, "prune", "", f"{zeros:,} of {weights:,} weights are zero")
        return True
