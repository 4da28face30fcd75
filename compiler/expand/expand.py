"""Expand: a model in the few operators that a target knows, without control flow, everything constant computed."""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

from ..passes.base import Pass
from ..passes.fold_constants import FoldConstants
from ..passes.infer_shapes import InferShapes
from ..passes.remove_dead_code import RemoveDeadCode
from .origin import mark_origins


class Expand(Pass):
    """What a target's lowerings need not know: function bodies, If, Loop and Scan, shapes that are constants."""

    def __init__(self, known: Collection[tuple[str, str]]) -> None:
        """`known`: (domain, operator) of what the target lowers itself."""
        self.known = frozenset(known)

    def rewrite(self, model: ir.Model) -> bool:
        """Write the graph out."""
        mark_origins(model.graph)
        InferShapes().rewrite(model)
        FoldConstants().rewrite(model)
        RemoveDeadCode().rewrite(model)
        return True
