"""Runs a planned block, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .arguments import Arguments
from .checked import checked, implementing
from .plan import Plan, Step
from .program import Reference


class Scope:
    """Values by name; a name that a block does not have is looked up around it."""

    def __init__(self, values: dict[str, Any], outer: Scope | None) -> None:
        """Take the values of a block, and the scope that the block stands in."""
        self.values, self._outer = values, outer

    def __getitem__(self, name: str) -> Any:
        if name in self.values or self._outer is None:
            return self.values[name]
        return self._outer[name]


class Execution:
    """One run. `kept` are the values that were asked for by name, wherever they lie."""

    def __init__(self, opset: str, keep: Sequence[str] = ()) -> None:
        """`opset`: `CoreML7`. `keep`: names of values that would otherwise be given up after their last use."""
        self._opset, self._keep = opset, frozenset(keep)
        self.kept: dict[str, Any] = {}

    def run(self, plan: Plan, inputs: Sequence[Any], outer: Scope | None = None) -> tuple[Any, ...]:
        """Run a block on the values of its inputs; give those of its outputs.

        Raises:
            ValueError: when an operation of it cannot be computed, or gives something else than the file declares.
        """
        if len(inputs) != len(plan.inputs):
            raise ValueError(f"a block takes {len(plan.inputs)} values, it is given {len(inputs)}")
        scope = Scope({**plan.constants, **dict(zip(plan.inputs, inputs, strict=True))}, outer)
        self._note(scope.values)
        for step in plan.steps:
            results = self._step(step, scope)
            made = {output.name: value for output, value in zip(step.operation.outputs, results, strict=True)}
            self._note(made)
            scope.values.update(made)
            for name in step.frees:
                del scope.values[name]
        return tuple(scope[name] for name in plan.outputs)

    def _step(self, step: Step, scope: Scope) -> list[Any]:
        values = dict(step.fixed)
        for argument, named in step.named.items():
            values[argument] = (
                scope[named.name]
                if isinstance(named, Reference)
                else [scope[part.name] if isinstance(part, Reference) else part for part in named]
            )
        blocks = [partial(self.run, block, outer=scope) for block in step.blocks]
        with implementing(step.operation):
            result = step.implementation(Arguments(step.operation, values, self._opset, blocks))
        return checked(step.operation, result)

    def _note(self, values: dict[str, Any]) -> None:
        for name in self._keep & values.keys():
            self.kept[name] = values[name]
