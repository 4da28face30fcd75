"""What the rewriters of Relax modules share."""

from __future__ import annotations

from typing import Any

from .toolkit import relax


def rewritten(mutator: Any, module: Any) -> Any:
    """Give a module whose Relax functions a `PyExprMutator` of that module has visited."""
    for variable, function in module.functions_items():
        if isinstance(function, relax().Function):
            mutator.builder_.update_func(variable, mutator.visit_expr(function))
    return mutator.builder_.get()


def op_name(expression: Any) -> str:
    """Name the operator that an expression calls, `relax.call_tir`; "" when it calls none."""
    return str(getattr(getattr(expression, "op", None), "name", ""))
