"""From a hub model to the ONNX that TensorRT takes whole, and what became of each node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import onnx
import onnx_ir as ir

from ...compiler.expand.expand import Expand
from ...compiler.expand.origin import origin_of
from ...compiler.model import Model, Precision
from ...compiler.passes.base import Pipeline
from ...compiler.passes.fix_dimensions import FixDimensions
from ...compiler.passes.remove_dead_code import RemoveDeadCode
from ...vocabulary.coverage import Coverage, Handling, NodeCoverage
from ..onnxruntime.coverage import coverage as by_onnxruntime
from .element_types import type_restriction
from .float_weights import FloatWeights
from .half_compute import compute_in_half
from .narrow_border import narrow_border, narrowed_signature, out_of_range
from .older_opset import in_opset
from .pools import PoolOverTwo
from .releases import TYPES, Release, releases
from .residuals import QuantizeResiduals
from .restrictions import OPENED, restriction
from .settings import Settings
from .sizes import fixed_sizes

_SIZED_BY_DATA = frozenset({"NonMaxSuppression", "NonZero"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaped:
    """A model for TensorRT. `narrowed` says what differs in dtype from the source."""

    model: Model
    coverage: Coverage
    narrowed: Mapping[str, str]


def shape(model: Model, dims: Mapping[str, int], settings: Settings) -> Shaped:
    """Write a model for the parser of a release, and judge each node.

    Raises:
        ModelError: when a dimension is open that no profile has.
    """
    release = releases()[settings.release]
    opset = min(model.opset, release.opset[1])
    fixed = FixDimensions(fixed_sizes(model.signature, dims, settings.bounds))(model)
    expanded = Pipeline(Expand(_known(release, opset)), QuantizeResiduals(), PoolOverTwo())(fixed)
    if settings.release == "8.6":
        expanded = FloatWeights()(expanded)
    graph = expanded.ir
    narrowed: Mapping[str, str] = {}
    if not release.has_int64:
        narrowed = narrow_border(graph)
    if model.precision is Precision.FP16:
        compute_in_half(graph, settings.float32_nodes, graph.opset_imports[""])
    refused = in_opset(graph, opset)
    RemoveDeadCode().rewrite(graph)
    judged = _Judged()
    for node in graph.graph:
        reason = refused.get(node) or _reason(node, settings.release, release, opset)
        judged.note(node, reason)
    for value in graph.graph.inputs:
        if value.dtype not in TYPES and not value.uses():  # what reads one is refused for it
            judged.note_input(value, f"it is {'of no known type' if value.dtype is None else value.dtype.name}")
    _judge_outputs(graph.graph, judged, open_=bool(settings.bounds))
    shaped = replace(expanded, signature=narrowed_signature(expanded.signature, narrowed))
    if not judged.refused:
        _ask_onnxruntime(shaped, judged)
    for node in graph.graph:
        node.metadata_props.clear()  # what was noted for the coverage
    return Shaped(model=shaped, coverage=judged.coverage(), narrowed=narrowed)


def _known(release: Release, opset: int) -> list[tuple[str, str]]:
    """What need not be written out: Constant always is one, of any size."""
    return [("", name) for name in release.operators - OPENED - {"Constant"} if onnx.defs.has(name, opset, "")]


def _reason(node: ir.Node, name: str, release: Release, opset: int) -> str | None:
    """Why TensorRT of a release does not take a node; None when nothing is known against it."""
    if node.domain not in ("", "ai.onnx") or release.types_of(node.op_type) is None:
        return f"the ONNX parser of TensorRT {name} has no such operator"
    reason = type_restriction(node, release, opset) or restriction(node, name)
    if reason is not None:
        return f"TensorRT {name}: {reason}"
    if not release.has_int64 and node.op_type != "Slice":  # whose ends are clamped, and mean the same
        for value in node.inputs:
            if value is not None and value.const_value is not None and out_of_range(value.const_value):
                return f"TensorRT {name}: {value.name} holds integers that do not fit into 32 bits"
    return None


def _judge_outputs(graph: ir.Graph, judged: _Judged, *, open_: bool) -> None:
    """Refuse nodes whose number of results depends on data where outputs may take their size from them."""
    sized = all(value.shape is not None and value.shape.is_static() for value in graph.outputs)
    for node in graph:
        if node.op_type in _SIZED_BY_DATA and (open_ or not sized):
            judged.note(
                node, "how many results it has depends on the data, and engines here have outputs of known sizes"
            )


def _ask_onnxruntime(model: Model, judged: _Judged) -> None:
    """What cannot be checked here is not shipped: onnxruntime stands for TensorRT, and must compute as ONNX says."""
    for node, entry in zip(model.graph, by_onnxruntime(model).nodes, strict=True):
        if entry.handling is Handling.REFUSED:
            judged.note(node, f"onnxruntime, by which it is checked, does not compute it: {entry.detail}")


@dataclass(slots=True)
class _Made:
    op: str
    operators: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class _Judged:
    """What became of the nodes of the hub, by the nodes that were made for them."""

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}

    @property
    def refused(self) -> bool:
        return any(made.reasons for made in self._made.values())

    def note(self, node: ir.Node, reason: str | None) -> None:
        name, op = origin_of(node)
        made = self._made.setdefault(name, _Made(op=op))
        if reason is None:
            made.operators.append(node.op_type)
        else:
            own = op.rpartition(".")[2] == node.op_type
            made.reasons.append(reason if own else f"{node.op_type}: {reason}")

    def note_input(self, value: ir.Value, reason: str) -> None:
        self._made[f"input {value.name}"] = _Made(op="input", reasons=[f"{reason}, which TensorRT does not have"])

    def coverage(self) -> Coverage:
        return Coverage(nodes=tuple(self._entry(name, made) for name, made in self._made.items()))

    @staticmethod
    def _entry(name: str, made: _Made) -> NodeCoverage:
        if made.reasons:
            detail = "; ".join(dict.fromkeys(made.reasons))
            return NodeCoverage(node=name, op=made.op, handling=Handling.REFUSED, detail=detail)
        handling = Handling.NATIVE if len(made.operators) == 1 else Handling.DECOMPOSED
        return NodeCoverage(node=name, op=made.op, handling=handling, detail=" ".join(made.operators))
