"""Finetune: a model learns from labels."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from .learning import Learning


@dataclass(kw_only=True, eq=False)
class Finetune(Learning):
    """Trains the model that the steps in front of it gave on labels alone.

    `output` names the one that the labels are of; the first when empty.
    """

    output: str = ""

    needs_labels = True

    def rewrite(self, model: ir.Model) -> bool:
        """Train it."""
        raise NotImplementedError
