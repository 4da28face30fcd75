"""The walk over an expanded hub graph: every node in topological order is said in another language, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import onnx_ir as ir

from ...vocabulary.coverage import Coverage, Handling, NodeCoverage
from ..expand.origin import origin_of
from .call import Call
from .refused import Refused

V = TypeVar("V")

Lowering = Callable[[Any, Any], "V | Sequence[V | None]"]
"""Says one hub node, writing with a `Language` of its own kind, and gives its outputs, None for one that nobody wants.

Raises `Refused` with the reason when the language cannot say the node exactly.
"""

NOT_JUDGED = "not judged: a node before it is refused"


class Language(Protocol[V]):
    """What lowerings write with, for the walk. What is written for one node stays or goes as a whole."""

    def hold(self, tensor: ir.TensorProtocol) -> V:
        """Give a constant of the hub as a value, the same for the same tensor.

        Raises:
            Refused: when the language has no such constant.
        """
        ...

    def begin(self) -> None:
        """Begin with another node: what was written so far stays."""
        ...

    def take_back(self) -> None:
        """Remove what was written since `begin`."""
        ...

    @property
    def operations(self) -> Sequence[str]:
        """What was written since `begin`, by the language's names."""
        ...

    def finish(self, value: ir.Value, index: int, result: V) -> V:
        """Check what stands for an output of a node against what the hub knows of it, and name it after it.

        Raises:
            Refused: when dtype or shape differ: the lowering has not said the node.
        """
        ...


@dataclass(slots=True)
class _Made:
    """What became of the nodes that were made for one node of the hub."""

    op: str
    operations: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def coverage(self, node: str) -> NodeCoverage:
        if self.reasons:
            own = [reason for reason in self.reasons if reason != NOT_JUDGED] or self.reasons
            detail = "; ".join(dict.fromkeys(own))
            return NodeCoverage(node=node, op=self.op, handling=Handling.REFUSED, detail=detail)
        handling = Handling.NATIVE if len(self.operations) <= 1 else Handling.DECOMPOSED
        detail = " ".join(self.operations) or "computed at compile time"
        return NodeCoverage(node=node, op=self.op, handling=handling, detail=detail)


class Walk(Generic[V]):
    """Says nodes by a table of lowerings. `values` says what stands for each hub value."""

    calls: ClassVar[type[Call[Any]]] = Call
    """How lowerings see a node."""

    def __init__(
        self,
        name: str,
        language: Language[V],
        lowerings: Mapping[tuple[str, str], Lowering[V]],
        opsets: Mapping[str, int],
    ) -> None:
        """`name` is the language's for refusals; `lowerings` go by domain and operator, `opsets` are the graph's."""
        self.name, self.language, self.lowerings, self.opsets = name, language, lowerings, opsets
        self.values: dict[ir.Value, V] = {}
        self._made: dict[str, _Made] = {}
        self._refused: set[ir.Value] = set()

    def say(self, node: ir.Node) -> None:
        """Say one node. A refusal is kept for the coverage, and the nodes behind it are not judged."""
        name, op = origin_of(node)
        made = self._made.setdefault(name, _Made(op=op))
        if any(value in self._refused for value in node.inputs):
            self._refuse(node, made, NOT_JUDGED)
            return
        self.language.begin()
        try:
            results = self._results(node)
        except Refused as refusal:
            self.language.take_back()
            own = op.rpartition(".")[2] == node.op_type
            self._refuse(node, made, str(refusal) if own else f"{node.op_type}: {refusal}")
            return
        made.operations += self.language.operations
        self.values.update(
            (value, result) for value, result in zip(node.outputs, results, strict=False) if result is not None
        )

    def value(self, value: ir.Value) -> V:
        """Give what stands for a hub value: a node's result, an input, or a constant of the graph.

        Raises:
            Refused: when nothing does, or the language cannot hold the constant.
        """
        if value in self.values:
            return self.values[value]
        if value.const_value is None:
            raise Refused("nothing stands for it")
        return self.language.hold(value.const_value)

    def is_refused(self, value: ir.Value) -> bool:
        """Whether the node that gives a value is refused, or one before it."""
        return value in self._refused

    def refuse_value(self, value: ir.Value, name: str, reason: str) -> None:
        """Note that an input or output of the graph is refused; the nodes behind it are not judged."""
        self._made.setdefault(name, _Made(op=name.partition(" ")[0])).reasons.append(reason)
        self._refused.add(value)

    def coverage(self) -> Coverage:
        """Say what became of every node of the hub that has one left in the expanded graph."""
        return Coverage(nodes=tuple(made.coverage(name) for name, made in self._made.items()))

    def _results(self, node: ir.Node) -> list[V | None]:
        lowering = self.lowerings.get((node.domain, node.op_type))
        if lowering is None:
            raise Refused(f"{self.name} has no lowering for this operator")
        inputs = [None if value is None else self.values.get(value, value.const_value) for value in node.inputs]
        call: Call[V] = self.calls(node, inputs, self.opsets.get(node.domain, 1), self.language, self.opsets)
        made = lowering(call, self.language)
        results: list[V | None] = [*made] if isinstance(made, tuple | list) else [made]  # type: ignore[list-item]  # V is never a sequence itself
        finished: list[V | None] = []
        for index, value in enumerate(node.outputs):
            result = results[index] if index < len(results) else None
            if result is None and call.wants(index):
                raise Refused(f"its output {index} cannot be had")
            finished.append(self.language.finish(value, index, result) if result is not None and value.name else None)
        return finished

    def _refuse(self, node: ir.Node, made: _Made, reason: str) -> None:
        made.reasons.append(reason)
        self._refused.update(node.outputs)
