"""RemoveDeadCode: what no output needs."""

from __future__ import annotations

import onnx_ir as ir
import onnx_ir.passes.common as common

from .base import Pass


class RemoveDeadCode(Pass):
    """Removes nodes, constants and operator sets that no output of the graph depends on."""

    def rewrite(self, model: ir.Model) -> bool:
        """Remove them, last users first."""
        opset = model.opset_imports.get("")
        changed = common.RemoveUnusedNodesPass()(model).modified
        changed |= common.RemoveUnusedFunctionsPass()(model).modified  # type: ignore[no-untyped-call]  # it has no types
        changed |= common.RemoveUnusedOpsetsPass()(model).modified
        if opset is not None:
            model.graph.opset_imports[""] = opset  # the version of the hub, even when no node is left
        return changed
