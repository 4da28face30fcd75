"""The walk over an expanded hub graph: every node in topological order becomes MIL operations, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ...compiler.expand.origin import origin_of
from ...compiler.lowering.refused import Refused
from ...compiler.model import dtype_name
from ..artifact import Coverage, Handling, NodeCoverage
from .builder import Builder, Var, type_name
from .call import Call, Given
from .ops.table import LOWERINGS

_NOT_JUDGED = "not judged: a node before it is refused"

HALF, SINGLE = ir.DataType.FLOAT16, ir.DataType.FLOAT

MIL_TYPES: Mapping[ir.DataType, str] = {
    SINGLE: "fp32",
    HALF: "fp16",
    ir.DataType.BOOL: "bool",
    **{getattr(ir.DataType, f"{kind}INT{bits}"): "int32" for kind in ("", "U") for bits in (8, 16, 32, 64)},
}
"""Hub dtype → what the values of a MIL program hold it as."""


@dataclass(slots=True)
class _Made:
    """What became of the nodes that were made for one node of the hub."""

    op: str
    operations: list[str] = field(default_factory=list)
    results: list[Var] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def coverage(self, node: str) -> NodeCoverage:
        if self.reasons:
            own = [reason for reason in self.reasons if reason != _NOT_JUDGED] or self.reasons
            detail = "; ".join(dict.fromkeys(own))
            return NodeCoverage(node=node, op=self.op, handling=Handling.REFUSED, detail=detail)
        handling = Handling.NATIVE if len(self.operations) <= 1 else Handling.DECOMPOSED
        detail = " ".join(self.operations) or "computed at compile time"
        return NodeCoverage(node=node, op=self.op, handling=handling, detail=detail)


class Translator:
    """Makes the operations of one function, which must be open. `values` says what stands for each hub value."""

    def __init__(self, b: Builder, opsets: Mapping[str, int]) -> None:
        """Start with nothing said; `opsets` are those of the graph."""
        self.builder, self.opsets = b, opsets
        self.values: dict[ir.Value, Var] = {}
        self._made: dict[str, _Made] = {}
        self._refused: set[ir.Value] = set()

    def translate(self, node: ir.Node) -> None:
        """Say one node. A refusal is kept for the coverage, and the nodes behind it are not judged."""
        name, op = origin_of(node)
        made = self._made.setdefault(name, _Made(op=op))
        if any(value in self._refused for value in node.inputs):
            self._refuse(node, made, _NOT_JUDGED)
            return
        self.builder.begin()
        try:
            results = self._results(node)
        except Refused as refusal:
            self.builder.take_back()
            own = op.rpartition(".")[2] == node.op_type
            self._refuse(node, made, str(refusal) if own else f"{node.op_type}: {refusal}")
            return
        made.operations += self.builder.operations
        made.results += self.builder.results
        self.values.update(
            (value, result) for value, result in zip(node.outputs, results, strict=False) if result is not None
        )

    def refuse_value(self, value: ir.Value, name: str, reason: str) -> None:
        """Note that an input or output of the graph is refused; the nodes behind it are not judged."""
        self._made.setdefault(name, _Made(op=name.partition(" ")[0])).reasons.append(reason)
        self._refused.add(value)

    @property
    def made(self) -> dict[str, frozenset[str]]:
        """Hub node → the names of the values that were made for it, as they are called by now."""
        return {name: frozenset(value.name for value in made.results) for name, made in self._made.items()}

    def coverage(self) -> Coverage:
        """Say what became of every node of the hub that has one left in the expanded graph."""
        return Coverage(nodes=tuple(made.coverage(name) for name, made in self._made.items()))

    def _results(self, node: ir.Node) -> list[Var | None]:
        lowering = LOWERINGS.get((node.domain, node.op_type))
        if lowering is None:
            raise Refused("coreml has no lowering for this operator")
        call = Call(node, [self._given(value) for value in node.inputs], self.opsets.get(node.domain, 1), self.builder)
        made = lowering(call, self.builder)
        results = [*made] if isinstance(made, tuple | list) else [made]
        for index, value in enumerate(node.outputs):
            result = results[index] if index < len(results) else None
            if result is None and call.wants(index):
                raise Refused(f"its output {index} cannot be had")
            if result is not None:
                _check(index, value, result)
                self.builder.name(result, value.name)
        return results

    def _given(self, value: ir.Value | None) -> Given:
        if value is None:
            return None
        return self.values.get(value, value.const_value)

    def _refuse(self, node: ir.Node, made: _Made, reason: str) -> None:
        made.reasons.append(reason)
        self._refused.update(node.outputs)


def _check(index: int, value: ir.Value, result: Var) -> None:
    """Compare what was made with what the hub knows of a value's dtype and shape.

    Raises:
        Refused: when they differ; the lowering has not said the node.
    """
    if value.dtype is not None and MIL_TYPES.get(value.dtype) != type_name(result):
        raise Refused(f"its output {index} would be {type_name(result)}, not {dtype_name(value.dtype)}")
    if value.shape is None or not any(isinstance(size, int) for size in value.shape):
        return  # a shape of symbols alone may be what somebody wrote down for an output: it says nothing
    sizes = tuple(result.shape)
    if len(sizes) != len(value.shape) or any(
        isinstance(known, int) and isinstance(size, int) and known != size
        for known, size in zip(value.shape, sizes, strict=True)
    ):
        raise Refused(f"its output {index} would have the shape {list(sizes)}, not {value.shape}")
