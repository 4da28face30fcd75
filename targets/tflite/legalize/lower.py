"""The walk from the hub graph to a dialect graph: every node in topological order, with all shapes known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....compiler.model import Model
from ....vocabulary.errors import RequestError
from ....vocabulary.signature import TensorSpec
from ...artifact import Coverage, Handling, NodeCoverage
from ..builder import Builder
from ..call import Call
from ..dialect import Array, constant_of, dtype_of, make_constant, make_value, shape_of
from ..ops.table import LOWERINGS
from ..refused import Refused
from .fold import evaluate
from .infer import infer_outputs

_LAYOUT_OPS = frozenset({"TRANSPOSE", "RESHAPE"})
_NOT_JUDGED = "not judged: a node before it is refused, and its shape is unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowered:
    """A dialect graph and what became of each hub node. The graph is whole only when no node is refused."""

    graph: ir.Graph
    coverage: Coverage


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
        self.nodes: list[ir.Node] = []
        self.builder = Builder(self.nodes.append)
        self.values: dict[ir.Value, ir.Value | None] = {}
        """Hub value → dialect value; None where a refused node hides the shape."""
        self.coverage: list[NodeCoverage] = []

    def run(self) -> Lowered:
        inputs = [self._input(value) for value in self.model.graph.inputs]
        for value in self.model.graph.initializers.values():
            if value not in self.values and value.const_value is not None:
                self.values[value] = make_constant(value.const_value.numpy(), value.name)
        for node in self.model.graph:
            self._node(node)
        outputs = [self._output(value, inputs) for value in self.model.graph.outputs]
        whole = [value for value in outputs if value is not None]
        graph = ir.Graph(inputs, whole, nodes=self.nodes, name="main")
        return Lowered(graph=graph, coverage=Coverage(nodes=tuple(self.coverage)))

    def _input(self, value: ir.Value) -> ir.Value:
        assert value.name is not None
        shape = self.shapes[value.name]
        assert value.dtype is not None
        if value.name not in self.last:
            self.values[value] = outside = make_value(value.name, shape, value.dtype)
            return outside
        outside = make_value(value.name, (shape[0], *shape[2:], shape[1]), value.dtype)
        self.values[value] = self.builder.channels_first(outside)
        return outside

    def _output(self, value: ir.Value, inputs: list[ir.Value]) -> ir.Value | None:
        inside = self.values[value]
        if inside is None:
            return None
        try:
            return self._finished(value, inside, inputs)
        except Refused as refusal:
            self.coverage.append(
                NodeCoverage(node=str(value.name), op="graph output", handling=Handling.REFUSED, detail=str(refusal))
            )
            return None

    def _finished(self, value: ir.Value, inside: ir.Value, inputs: list[ir.Value]) -> ir.Value:
        if value.name in self.last:
            inside = self.builder.channels_last(inside)
        if inside in inputs or constant_of(inside) is not None or inside.metadata_props.get("output"):
            # The runtime wants every output to be a tensor of its own that some operator writes.
            shape = shape_of(inside)
            inside = self.builder.op(
                "RESHAPE", [inside, np.array(shape, np.int32)], shape, dtype_of(inside), new_shape=shape
            )
        inside.metadata_props["output"] = "yes"
        inside.name = value.name
        return inside

    def _node(self, node: ir.Node) -> None:
        operands = [self.values[value] if value is not None else None for value in node.inputs]
        unknown = any(value is not None and known is None for value, known in zip(node.inputs, operands, strict=True))
        first_new = len(self.nodes)
        try:
            if unknown:
                raise Refused(_NOT_JUDGED)
            results = self._fold(node, operands) or self._lower(node, operands)
        except Refused as refusal:
            del self.nodes[first_new:]
            self._cover(node, Handling.REFUSED, str(refusal))
            for value, stand_in in zip(
                node.outputs, infer_outputs(node, operands, self.model.ir.opset_imports), strict=True
            ):
                self.values[value] = stand_in
            return
        self._name(node, results, self.nodes[first_new:])
        made = [new.op_type for new in self.nodes[first_new:]]
        real = [name for name in made if name not in _LAYOUT_OPS]
        native = len(real) <= 1
        self._cover(
            node, Handling.NATIVE if native else Handling.DECOMPOSED, " ".join(made) or "computed at compile time"
        )

    def _fold(self, node: ir.Node, operands: list[ir.Value | None]) -> list[ir.Value | None] | None:
        arrays: list[Array | None] = [constant_of(value) for value in operands]
        if any(value is not None and array is None for value, array in zip(operands, arrays, strict=True)):
            return None
        results = evaluate(node, arrays, self.model.ir.opset_imports)
        return None if results is None else [make_constant(array) for array in results]

    def _lower(self, node: ir.Node, operands: list[ir.Value | None]) -> list[ir.Value | None]:
        lowering = LOWERINGS.get((node.domain, node.op_type))
        if lowering is None:
            raise Refused("tflite has no lowering for this operator")
        call = Call(node, operands, self.model.ir.opset_imports.get(node.domain, 1))
        results = lowering(call, self.builder)
        return [results] if isinstance(results, ir.Value) else list(results)

    def _name(self, node: ir.Node, results: list[ir.Value | None], new: list[ir.Node]) -> None:
        for index, value in enumerate(node.outputs):
            result = results[index] if index < len(results) else None
            self.values[value] = result
            if result is not None and result.name is None:
                result.name = value.name
        stem = next((value.name for value in node.outputs if value.name), node.op_type)
        for made in new:
            made.metadata_props["origin"] = node.name or f"{node.op_type} → {stem}"
            for place, value in enumerate(made.outputs):
                value.name = value.name or f"{stem}/{made.op_type.lower()}{place or ''}"

    def _cover(self, node: ir.Node, handling: Handling, detail: str) -> None:
        domain = f"{node.domain}." if node.domain else ""
        outputs = ", ".join(value.name or "" for value in node.outputs)
        name = node.name or f"(unnamed, gives {outputs})"
        self.coverage.append(NodeCoverage(node=name, op=f"{domain}{node.op_type}", handling=handling, detail=detail))


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
