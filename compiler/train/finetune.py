"""Finetune: a model learns from labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx_ir as ir

from .learning import Learning


@dataclass(kw_only=True, eq=False)
class Finetune(Learning):
    """Trains the model that the steps in front of it gave on labels alone."""

    needs_labels = True

    def rewrite(self, model: ir.Model) -> bool:
        """Train it.

        Raises:
            EdgewrightError: as `learn` does.
        """
        from .learn import learn
        from .lesson import Aims
        from .plain import Plain

        learn("finetune", self, Plain(replace(self.material.teacher, ir=model)), Aims(hard=1.0, output=self.output))
        return True
