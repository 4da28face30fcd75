"""From a hub model to a program that runs, or to the reasons why there is none, node by node."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

from ...compiler.lowering.refused import Refused
from ...compiler.torch_graph.graph import to_torch
from ...vocabulary.precision import Precision
from ..artifact import Coverage, Handling, NodeCoverage
from .delegates import HERE
from .export import FailedNode, example_inputs, export
from .kernels import FILLS, differing_output, portable_calls, runs, why_not, without_kernel
from .lite import write_lite
from .lower import PORTABLE, Lowered, lower
from .rewrite import rewrite

if TYPE_CHECKING:
    from ...compiler.model import Model

WHOLE = "the whole model"
"""Stands for a node where no single one is to blame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A `.pte` file, and what became of each hub node; no bytes when some node is refused."""

    data: bytes | None
    ops: dict[str, int]
    coverage: Coverage


def make_program(model: Model, delegate: str) -> Program:
    """Make the program of a model of fixed shapes."""
    graph = to_torch(model)
    if graph.coverage.refused:
        return _refused(graph.coverage, {})
    rewrite(graph.module, model.precision, delegate)
    try:
        exported = export(graph.module, model)
        inputs = {fill: example_inputs(model, fill) for fill in FILLS}
    except Refused as refusal:
        return _refused(graph.coverage, {WHOLE: [str(refusal)]})
    if isinstance(exported, FailedNode):
        return _refused(graph.coverage, {exported.node or WHOLE: [f"PyTorch cannot trace it: {exported.reason}"]})
    try:
        lowered = lower(exported, delegate, model.precision, model.signature)
    except Exception as error:  # noqa: BLE001 - whatever a delegate's own part raises, it cannot say the model
        return _refused(graph.coverage, {WHOLE: [f"its lowering for {delegate} failed: {_first_line(error)}"]})
    reasons = _lacking(lowered)
    if reasons:
        return _refused(graph.coverage, reasons)
    try:
        data = lowered.write()
    except Exception as error:  # noqa: BLE001 - as above
        return _refused(graph.coverage, {WHOLE: [f"ExecuTorch cannot write it: {_first_line(error)}"]})
    if delegate in HERE and not runs(data, inputs):
        return _refused(graph.coverage, _blamed(lowered))
    if delegate in HERE and model.precision is not Precision.FP16:  # which may be beyond its largest number
        output = differing_output(data, graph.module, model)
        if output is not None:
            return _refused(graph.coverage, _mistaken(lowered, output))
    counts = Counter(each.op for each in lowered.placed if each.by == PORTABLE) + Counter(lowered.delegates)
    return Program(data=data, ops=dict(sorted(counts.items())), coverage=_coverage(graph.coverage, lowered))


def make_lite(model: Model) -> Program:
    """Make the `.ptl` file of a model of fixed shapes."""
    graph = to_torch(model)
    if graph.coverage.refused:
        return _refused(graph.coverage, {})
    rewrite(graph.module, model.precision, PORTABLE)
    try:
        lite = write_lite(graph.module, model.signature, example_inputs(model))
    except Refused as refusal:
        return _refused(graph.coverage, {WHOLE: [str(refusal)]})
    except Exception as error:  # noqa: BLE001 - whatever PyTorch raises, it cannot write the model
        return _refused(graph.coverage, {WHOLE: [f"PyTorch cannot trace it: {_first_line(error)}"]})
    if not lite.runs([example_inputs(model, fill) for fill in FILLS]):
        return _refused(graph.coverage, {WHOLE: ["PyTorch's lite interpreter does not run the file that it wrote"]})
    return Program(data=lite.data, ops=lite.ops, coverage=graph.coverage)


def _lacking(lowered: Lowered) -> dict[str, list[str]]:
    reasons = defaultdict(list)
    for placed in lowered.placed:
        reason = without_kernel(placed)
        if reason is not None:
            reasons[placed.hub or WHOLE].append(reason)
    return reasons


def _blamed(lowered: Lowered) -> dict[str, list[str]]:
    """Try the portable operators alone, to find whose kernel does not run."""
    reasons = defaultdict(list)
    for placed in portable_calls(lowered.placed):
        reason = why_not(placed)
        if reason is not None:
            reasons[placed.hub or WHOLE].append(reason)
    return reasons or {WHOLE: ["ExecuTorch does not run the program that it made"]}


def _mistaken(lowered: Lowered, output: str) -> dict[str, list[str]]:
    """Say that an output is wrong: of the one node that is computed, else of the whole model."""
    reason = f"the program gives another {output!r} than PyTorch"
    computed = {placed.hub for placed in lowered.placed}
    if len(computed) == 1:
        return {computed.pop() or WHOLE: [reason]}
    if lowered.delegates:
        reason += (
            f"; {', '.join(sorted(set(lowered.delegates)))} may be at fault: try the setting delegate = 'portable'"
        )
    return {WHOLE: [reason]}


def _refused(coverage: Coverage, reasons: dict[str, list[str]]) -> Program:
    known = {entry.node for entry in coverage.nodes}
    entries = [
        structs.replace(entry, handling=Handling.REFUSED, detail="; ".join(dict.fromkeys(reasons[entry.node])))
        if entry.node in reasons
        else entry
        for entry in coverage.nodes
    ]
    entries += [
        NodeCoverage(node=name, op=name, handling=Handling.REFUSED, detail="; ".join(dict.fromkeys(lines)))
        for name, lines in reasons.items()
        if name not in known
    ]
    return Program(data=None, ops={}, coverage=Coverage(nodes=tuple(entries)))


def _coverage(coverage: Coverage, lowered: Lowered) -> Coverage:
    """Say of each node what it became, and who computes that."""
    places: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for placed in lowered.placed:
        places[placed.hub][placed.by].append(placed.op.rpartition("::")[2])
    return Coverage(nodes=tuple(_entry(entry, places.get(entry.node, {})) for entry in coverage.nodes))


def _entry(entry: NodeCoverage, places: dict[str, list[str]]) -> NodeCoverage:
    count = sum(len(ops) for ops in places.values())
    detail = "; ".join(f"{by}: {' '.join(ops)}" for by, ops in places.items())
    return structs.replace(
        entry,
        handling=Handling.NATIVE if count <= 1 else Handling.DECOMPOSED,
        detail=detail or "computed at compile time, or part of another node",
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().split("\n")[0]
