"""What a pass is: one class, one method, and promises that are checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import msgspec
import onnx_ir as ir

from ...vocabulary.errors import ToolError
from ...vocabulary.signature import Signature, TensorSpec
from ..model import Model, Precision, dtype_name


class Pass(ABC):
    """A function `Model → Model` that keeps what the model computes and how it is called.

    A subclass writes `rewrite`. The base class gives it a copy of the graph, and checks afterwards that inputs and
    outputs are still there under their names, in their order, with their dtypes and shapes. Tensors are shared between
    the copy and the model given: a pass puts new ones in their place and never writes into or renames one.
    """

    precision: Precision | None = None
    """The precision of the models that this pass gives, but for those that join another (`JOINT`); None when it leaves
    the precision as it is."""

    approximates: bool = False
    """Whether it gives a model that computes something else, beside what numbers of another precision round."""

    @property
    def name(self) -> str:
        """The class name, for logs and reports."""
        return type(self).__name__

    @abstractmethod
    def rewrite(self, model: ir.Model) -> bool:
        """Change the model in place. Give whether anything changed."""

    def signature(self, before: Signature) -> Signature:
        """Give the signature of the rewritten model; only a pass that fixes dimensions changes it."""
        return before

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
        graph, signature = model.ir.clone(), model.signature
        for _ in range(self.rounds):
            changed = False
            for step in self.passes:
                changed |= step.rewrite(graph)
                signature = step.signature(signature)
                _check_interface(step, signature, graph)
            if not changed:
                break
        precision = model.precision
        for step in self.passes:
            precision = precision if step.precision is None else step.precision.behind(precision)
        return replace(model, ir=graph, signature=_refined(signature, graph), precision=precision)


def _refined(signature: Signature, graph: ir.Model) -> Signature:
    """The signature with the sizes of outputs that the graph has learnt."""
    outputs = tuple(
        msgspec.structs.replace(
            spec,
            shape=tuple(
                size if isinstance(size, int) else known
                for known, size in zip(spec.shape, value.shape or spec.shape, strict=True)
            ),
        )
        for spec, value in zip(signature.outputs, graph.graph.outputs, strict=True)
    )
    return Signature(inputs=signature.inputs, outputs=outputs)


def _check_interface(step: Pass, signature: Signature, graph: ir.Model) -> None:
    for kind, specs, values in (
        ("inputs", signature.inputs, graph.graph.inputs),
        ("outputs", signature.outputs, graph.graph.outputs),
    ):
        if len(specs) != len(values) or not all(map(_fits, specs, values)):
            expected = [f"{spec.name}: {spec.dtype}{list(spec.shape)}" for spec in specs]
            raise ToolError(f"{step.name} changed the model's {kind} from {expected} to {list(map(str, values))}")


def _fits(spec: TensorSpec, value: ir.Value) -> bool:
    if value.name != spec.name or (value.dtype is not None and dtype_name(value.dtype) != spec.dtype):
        return False
    if value.shape is None:
        return True
    # a dimension that only one of the two knows as a number is no contradiction
    return len(value.shape) == len(spec.shape) and all(
        isinstance(here, ir.SymbolicDim) or isinstance(there, str) or here == there
        for here, there in zip(value.shape, spec.shape, strict=True)
    )
