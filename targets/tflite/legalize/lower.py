"""The walk from the hub graph to a dialect graph: every node in topological order, with all shapes known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from msgspec import structs

from ....compiler.expand.infer import inferred_types
from ....compiler.lowering.refused import Refused
from ....compiler.model import Model
from ....vocabulary.errors import RequestError
from ....vocabulary.signature import TensorSpec
from ...artifact import Coverage, Handling, NodeCoverage
from ..dialect import constant_of, made_for, make_constant, make_value
from ..origin import stands_for
from .find_gelu import find_gelu
from .translate import Translator

_LAYOUT_OPS = frozenset({"TRANSPOSE", "RESHAPE"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowered:
    """A dialect graph and what became of each hub node. The graph is whole only when no node is refused."""

    graph: ir.Graph
    coverage: Coverage

    def with_reasons(self, reasons: Mapping[str, str]) -> Lowered:
        """Add to the coverage what was found out of hub nodes, by their names, after they were lowered."""
        nodes = tuple(
            structs.replace(entry, detail=f"{entry.detail}; {reasons[entry.node]}") if entry.node in reasons else entry
            for entry in self.coverage.nodes
        )
        return replace(self, coverage=Coverage(nodes=nodes))


def lower(model: Model, shapes: Mapping[str, tuple[int, ...]], layout: Mapping[str, str]) -> Lowered:
    """Lower every node of a model whose inputs have these static shapes, in the source's layout.

    `layout` names inputs and outputs that the dialect graph shall have channels-last (`{"image": "NHWC"}`).

    Raises:
        RequestError: when `layout` names what is not there or cannot be.
    """
    return _Walk(model, shapes, layout).run()


class _Walk:
    def __init__(self, model: Model, shapes: Mapping[str, tuple[int, ...]], layout: Mapping[str, str]) -> None:
        self.model, self.shapes = model, shapes
        self.last = channels_last_names(model, layout)
        self.translator = Translator()
        self.coverage: list[NodeCoverage] = []

    def run(self) -> Lowered:
        inputs = [self._input(value) for value in self.model.graph.inputs if value.name in self.shapes]
        self.translator.add_initializers(self.model.graph)
        self.translator.gelu = find_gelu(self.model.graph)
        for node in self.model.graph:
            self._node(node)
        outputs = [self._output(value, inputs) for value in self.model.graph.outputs]
        whole = [value for value in outputs if value is not None]
        graph = ir.Graph(inputs, whole, nodes=self.translator.nodes, name="main")
        return Lowered(graph=graph, coverage=Coverage(nodes=tuple(self.coverage)))

    def _input(self, value: ir.Value) -> ir.Value:
        assert value.name is not None
        assert value.dtype is not None
        shape = self.shapes[value.name]
        if 0 in shape:
            # It holds nothing that could differ: inside, it is a constant.
            self.translator.values[value] = make_constant(np.empty(shape, value.dtype.numpy()))
            return make_value(value.name, shape, value.dtype)
        if value.name not in self.last:
            self.translator.values[value] = outside = make_value(value.name, shape, value.dtype)
            return outside
        outside = make_value(value.name, (shape[0], *shape[2:], shape[1]), value.dtype)
        self.translator.values[value] = self.translator.builder.channels_first(outside)
        return outside

    def _output(self, value: ir.Value, inputs: list[ir.Value]) -> ir.Value | None:
        inside = self.translator.values[value]
        if inside is None:
            if not any(entry.handling is Handling.REFUSED for entry in self.coverage):
                self._refuse(str(value.name), "graph output", "the operator's definition does not give it")
            return None
        try:
            return self._finished(value, inside, inputs)
        except Refused as refusal:
            self._refuse(str(value.name), "graph output", str(refusal))
            return None

    def _finished(self, value: ir.Value, inside: ir.Value, inputs: list[ir.Value]) -> ir.Value:
        b = self.translator.builder
        if value.name in self.last:
            inside = b.channels_last(inside)
        if inside in inputs or constant_of(inside) is not None or inside.metadata_props.get("output"):
            # The runtime wants every output to be a tensor of its own that some operator writes.
            inside = b.pin(inside)
        inside.metadata_props["output"] = "yes"
        inside.name = value.name
        return inside

    def _node(self, node: ir.Node) -> None:
        values, nodes = self.translator.values, self.translator.nodes
        operands = self.translator.operands(node)
        name = node.name or f"(unnamed, gives {', '.join(value.name or '' for value in node.outputs)})"
        op = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        first_new = len(nodes)
        try:
            self.translator.translate(node, self.model.ir.opset_imports)
        except Refused as refusal:
            self._refuse(name, op, str(refusal))
            values.update(zip(node.outputs, self._stand_ins(node, operands), strict=True))
            return
        made = nodes[first_new:]
        for new in made:
            made_for(new, name)
        _name(node, [values[value] for value in node.outputs], made)
        _note_origins(node, [values[value] for value in node.outputs])
        real = [new.op_type for new in made if new.op_type not in _LAYOUT_OPS]
        handling = Handling.NATIVE if len(real) <= 1 else Handling.DECOMPOSED
        detail = " ".join(new.op_type for new in made) or "computed at compile time"
        self.coverage.append(NodeCoverage(node=name, op=op, handling=handling, detail=detail))

    def _stand_ins(self, node: ir.Node, operands: Sequence[ir.Value | None]) -> list[ir.Value | None]:
        """Give values of the shapes behind a refused node, so that the nodes after it are judged; None for unknown."""
        if any(value is not None and known is None for value, known in zip(node.inputs, operands, strict=True)):
            return [None] * len(node.outputs)
        found = inferred_types(node, operands, self.model.ir.opset_imports)
        return [_stand_in(value.name, known) for value, known in zip(node.outputs, found, strict=True)]

    def _refuse(self, node: str, op: str, reason: str) -> None:
        self.coverage.append(NodeCoverage(node=node, op=op, handling=Handling.REFUSED, detail=reason))


def _stand_in(name: str | None, known: ir.TypeAndShape | None) -> ir.Value | None:
    if known is None or known.type is None or known.shape is None or not known.shape.is_static():
        return None
    return make_value(name, known.shape.numpy(), known.type.dtype)


def _name(node: ir.Node, results: Sequence[ir.Value | None], made: Sequence[ir.Node]) -> None:
    """Name what was made for a hub node after the node's own outputs."""
    for value, result in zip(node.outputs, results, strict=True):
        if result is not None and result.name is None:
            result.name = value.name
    stem = next((value.name for value in node.outputs if value.name), node.op_type)
    for new in made:
        for place, value in enumerate(new.outputs):
            value.name = value.name or f"{stem}/{new.op_type.lower()}{place or ''}"


def _note_origins(node: ir.Node, results: Sequence[ir.Value | None]) -> None:
    for value, result in zip(node.outputs, results, strict=True):
        if result is not None and value.name:
            stands_for(result, value.name)


def channels_last_names(model: Model, layout: Mapping[str, str]) -> frozenset[str]:
    """Give the inputs and outputs that are asked for channels-last and are not so in the source.

    Raises:
        RequestError: when `layout` names no input or output, or a layout that cannot be had.
    """
    specs = {spec.name: spec for spec in (*model.signature.inputs, *model.signature.outputs)}
    for name, wanted in layout.items():
        if name not in specs:
            raise RequestError(f"layout names {name!r}, which is no input or output", hint=f"known: {', '.join(specs)}")
        if wanted not in _layouts(specs[name]):
            raise RequestError(
                f"layout of {name!r}: {wanted!r} does not fit its shape {specs[name].shape}",
                hint=f"can be had: {', '.join(_layouts(specs[name])) or 'none but its own'}",
            )
    return frozenset(name for name, wanted in layout.items() if wanted.endswith("C") and wanted != specs[name].layout)


def _layouts(spec: TensorSpec) -> tuple[str, ...]:
    spatial = {3: "W", 4: "HW", 5: "DHW"}.get(len(spec.shape))
    return (f"NC{spatial}", f"N{spatial}C") if spatial else ()
