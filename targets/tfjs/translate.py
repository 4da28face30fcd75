"""The walk over a dialect graph: every node in order becomes TF.js nodes, or a refusal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import onnx_ir as ir
from msgspec import structs

from ...compiler.lowering.refused import Refused
from ..artifact import Coverage, Handling, NodeCoverage
from ..tflite.dialect import constant_of, dtype_name, dtype_of, hub_node, shape_of
from .backends import backends_without, require_kernels
from .builder import Builder
from .call import Call
from .graph import DTYPES, Graph, GraphNode, Sizes, Tensor
from .kernels import backends_beyond
from .ops.table import LOWERINGS

_LARGE = 1 << 16
"""Elements."""
_NOT_JUDGED = "not judged: a node before it is refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Translated:
    """A TF.js graph and what became of each node of the hub. The graph is None when some node is refused."""

    graph: Graph | None
    coverage: Coverage


def translate(dialect: ir.Graph, coverage: Coverage) -> Translated:
    """Say a dialect graph; `coverage` is what became of the hub's nodes in it."""
    walk = _Walk()
    graph = walk.run(dialect)
    return Translated(graph=None if walk.reasons else graph, coverage=walk.coverage(coverage))


class _Walk:
    def __init__(self) -> None:
        self.builder = Builder()
        self.values: dict[ir.Value, Tensor] = {}
        self.refused: set[ir.Value] = set()
        self.kept: frozenset[str] = frozenset()
        """The nodes that outputs need, by name, when all are made."""
        self.reasons: defaultdict[str, list[str]] = defaultdict(list)
        """Hub node, or input or output of the graph → why it cannot be said."""
        self.made: defaultdict[str, list[GraphNode]] = defaultdict(list)
        """Hub node → the TF.js nodes that were made for it."""

    def run(self, dialect: ir.Graph) -> Graph:
        inputs = {str(value.name): tensor for value in dialect.inputs if (tensor := self._input(value)) is not None}
        for node in dialect:
            self._node(node)
        outputs = {str(value.name): self.values[value] for value in dialect.outputs if value in self.values}
        graph = self.builder.graph(inputs, outputs)
        self.kept = frozenset(node.name for node in graph.nodes)
        return graph

    def coverage(self, known: Coverage) -> Coverage:
        """Give what became of the hub's nodes in the end, from what became of them in the dialect."""
        names = {entry.node for entry in known.nodes}
        entries = [self._entry(entry) for entry in known.nodes]
        for name in [name for name in self.reasons if name not in names]:
            detail = "; ".join(dict.fromkeys(self.reasons[name]))
            entries.append(NodeCoverage(node=name, op=name.partition(" ")[0], handling=Handling.REFUSED, detail=detail))
        return Coverage(nodes=tuple(entries))

    def _entry(self, entry: NodeCoverage) -> NodeCoverage:
        reasons = self.reasons.get(entry.node)
        if entry.handling is Handling.REFUSED:
            return entry
        if reasons:
            own = [reason for reason in reasons if reason != _NOT_JUDGED] or reasons
            return structs.replace(entry, handling=Handling.REFUSED, detail="; ".join(dict.fromkeys(own)))
        nodes = [node for node in self.made.get(entry.node, []) if node.name in self.kept]
        made = [node.op for node in nodes]
        real = [op for op in made if op not in ("Reshape", "Transpose")]
        handling = Handling.NATIVE if len(real) <= 1 else Handling.DECOMPOSED
        detail = " ".join(made) or "computed at compile time, or part of another node"
        lacking = {backend for node in nodes for backend in backends_beyond(node.op, self.builder.ranks[node.name])}
        lacking.update(backends_without(made))
        detail += "".join(f"; not on {backend}" for backend in sorted(lacking))
        return structs.replace(entry, handling=handling, detail=detail)

    def _input(self, value: ir.Value) -> Tensor | None:
        name, dtype = str(value.name), dtype_name(dtype_of(value))
        if dtype not in DTYPES:
            self.reasons[f"graph input {name}"].append(f"TF.js has no {dtype}")
            self.refused.add(value)
            return None
        self.builder.stem = name
        shape = shape_of(value)
        tensor = self.builder.op("Placeholder", [], shape, DTYPES[dtype], dtype=DTYPES[dtype], shape=Sizes(shape))
        self.values[value] = tensor
        return tensor

    def _node(self, node: ir.Node) -> None:
        b, name = self.builder, hub_node(node) or node.op_type
        if any(value is not None and self._is_missing(value) for value in node.inputs):
            self._refuse(node, name, _NOT_JUDGED)
            return
        first, b.stem = len(b.nodes), str(node.outputs[0].name or name)
        try:
            results = self._results(node)
            require_kernels(made.op for made in b.nodes[first:])
        except Refused as refusal:
            self._refuse(node, name, str(refusal))
            return
        self.made[name] += b.nodes[first:]
        self.values.update(zip(node.outputs, results, strict=False))
        if node.op_type != "CAST":  # what it makes of a constant is asked for later
            _let_go(node)

    def _is_missing(self, value: ir.Value) -> bool:
        """Whether a value is refused: here, or it stands for what the dialect has refused."""
        return value in self.refused or (value not in self.values and constant_of(value) is None)

    def _results(self, node: ir.Node) -> list[Tensor]:
        lowering = LOWERINGS.get(node.op_type)
        if lowering is None:
            raise Refused(f"TF.js has no operator for {node.op_type}")
        given = [self.values.get(value) if value is not None else None for value in node.inputs]
        call = Call(node, given, self.builder)
        made = lowering(call, self.builder)
        results = [made] if isinstance(made, Tensor) else [*made]
        kept = []
        for index, value in enumerate(node.outputs):
            result = results[index] if index < len(results) else None
            if result is None:
                if call.wants(index):
                    raise Refused(f"its output {index} cannot be had")
                break
            if (result.shape, result.dtype) != (call.result_shape(index), call.result_dtype(index)):
                raise Refused(
                    f"its output {index} would be {result.dtype}{list(result.shape)}, "
                    f"not {call.result_dtype(index)}{list(shape_of(value))}"
                )
            kept.append(result)
        return kept

    def _refuse(self, node: ir.Node, name: str, reason: str) -> None:
        self.reasons[name].append(reason)
        self.refused.update(node.outputs)


def _let_go(node: ir.Node) -> None:
    """Forget the large constants that nobody else wants: the graph has them, and they need not be in memory twice."""
    for value in node.inputs:
        if value is None or value.const_value is None or value.const_value.size <= _LARGE or len(value.uses()) > 1:
            continue
        value.const_value = None
