"""What a pass is: one class, one method, and promises that are checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import onnx_ir as ir

from ...vocabulary.errors import ToolError
from ..model import Model, Precision


class Pass(ABC):
    """A function `Model → Model` that keeps what the model computes and how it is called.

    A subclass writes `rewrite`. The base class gives it a copy of the graph, and checks afterwards that inputs and
    outputs are still there under their names, in their order, with their dtypes.
    """

    precision: Precision | None = None
    """The precision of the models that this pass gives; None when it leaves the precision as it is."""

    @property
    def name(self) -> str:
        """The class name, for logs and reports."""
        return type(self).__name__

    @abstractmethod
    def rewrite(self, model: ir.Model) -> bool:
        """Change the model in place. Give whether anything changed."""

    def __call__(self, model: Model) -> Model:
        """Give the rewritten model; the one given stays as it was.

        Raises:
            ToolError: when the pass broke the model's inputs or outputs (a bug in the pass).
        """
        return Pipeline(self)(model)


class Pipeline:
    """Passes in an order, with the reason for the order beside it; applied to one copy of the graph."""

    def __init__(self, *passes: Pass, rounds: int = 1) -> None:
        """`rounds`: how often the whole list is run at the most; it ends early when a round changes nothing."""
        self.passes, self.rounds = passes, rounds

    def __call__(self, model: Model) -> Model:
        """Apply the passes in order.

        Raises:
            ToolError: when a pass broke the model's inputs or outputs (a bug in the pass).
        """
        graph = model.ir.clone()
        for _ in range(self.rounds):
            changed = False
            for step in self.passes:
                changed |= step.rewrite(graph)
                _check_interface(step, model, graph)
            if not changed:
                break
        precisions = [step.precision for step in self.passes if step.precision is not None]
        return replace(model.with_graph(graph), precision=precisions[-1] if precisions else model.precision)


def _check_interface(step: Pass, model: Model, graph: ir.Model) -> None:
    for kind, before, after in (
        ("inputs", model.signature.inputs, graph.graph.inputs),
        ("outputs", model.signature.outputs, graph.graph.outputs),
    ):
        expected = [(spec.name, spec.dtype) for spec in before]
        got = [(value.name, value.dtype.name.lower() if value.dtype is not None else None) for value in after]
        if [name for name, _ in expected] != [name for name, _ in got] or any(
            dtype is not None and dtype != wanted for (_, wanted), (_, dtype) in zip(expected, got, strict=True)
        ):
            raise ToolError(f"{step.name} changed the model's {kind} from {expected} to {got}")
