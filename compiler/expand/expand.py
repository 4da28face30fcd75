"""Expand: a model in the few operators that a target knows, without control flow, everything constant computed."""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

from ..passes.base import Pass
from ..passes.remove_dead_code import RemoveDeadCode
from .origin import mark_origins
from .writer import Writer


class Expand(Pass):
    """What a target's lowerings need not know: function bodies, If, Loop and Scan, shapes that are constants."""

    def __init__(self, known: Collection[tuple[str, str]]) -> None:
        """`known`: (domain, operator) of what the target lowers itself."""
        self.known = frozenset(known)

    def rewrite(self, model: ir.Model) -> bool:
        """Write the graph out."""
        mark_origins(model.graph)
        Writer(model, self.known).expand_all()
        RemoveDeadCode().rewrite(model)
        return True
