"""One hub node after the other becomes dialect nodes: computed, lowered, unrolled, or by its ONNX definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ....compiler.expand.declared import settled_operand
from ....compiler.expand.definition import definition_of
from ....compiler.expand.evaluate import evaluate
from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_of, hold_tensor, is_constant, make_constant, shape_of
from ..ops.quantization import constant_on_grid
from ..ops.table import LOWERINGS
from .control import choose, scan, unroll
from .find_gelu import Gelu

Values = Sequence[ir.Value | None]

_HALF, _WIDE = ir.DataType.FLOAT16, ir.DataType.FLOAT

CONTROL = {"If": choose, "Loop": unroll, "Scan": scan}


class Translator:
    """Makes dialect nodes in `nodes`; `values` says which dialect value stands for which hub value.

    A hub value stands for None where a refused node hides its shape.
    """

    def __init__(self) -> None:
        """Start with nothing said."""
        self.nodes: list[ir.Node] = []
        self.builder = Builder(self.nodes.append)
        self.values: dict[ir.Value, ir.Value | None] = {}
        self.gelu: dict[ir.Node, Gelu] = {}

    def operands(self, node: ir.Node) -> list[ir.Value | None]:
        """Give the dialect values of a node's inputs, None for one that is not given or not known."""
        return [self.values[value] if value is not None else None for value in node.inputs]

    def translate(self, node: ir.Node, opsets: Mapping[str, int]) -> None:
        """Say one node.

        Raises:
            Refused: when TFLite cannot say it; the nodes made for it are taken back.
        """
        before, operands = len(self.nodes), self.operands(node)
        if any(value is not None and known is None for value, known in zip(node.inputs, operands, strict=True)):
            raise Refused("not judged: a node before it is refused, and its shape is unknown")
        try:
            results = self._results(node, operands, opsets)
        except Refused:
            self._take_back(before)
            if not any(value is not None and dtype_of(value) == _HALF for value in operands):
                raise
            results = self._in_float32(node, operands, opsets)
        for index, value in enumerate(node.outputs):
            result = results[index] if index < len(results) else None
            if result is None and value.uses():
                self._take_back(before)
                raise Refused(f"its output {index} cannot be had")
            if result is not None and not _agree(value, result):
                self._take_back(before)
                raise Refused(f"its output {index} would have the shape {list(shape_of(result))}, not {value.shape}")
            self.values[value] = result

    def run(self, graph: ir.Graph, opsets: Mapping[str, int]) -> list[ir.Value | None]:
        """Say all nodes of a graph whose inputs are known, and give the values of its outputs.

        Raises:
            Refused: when TFLite cannot say one of them; the reason names its operator.
        """
        self.add_initializers(graph)
        for node in graph:
            try:
                self.translate(node, opsets)
            except Refused as refusal:
                raise Refused(f"its {node.op_type}: {refusal}") from refusal
        return [self.values.get(value) for value in graph.outputs]

    def add_initializers(self, graph: ir.Graph) -> None:
        """Take the weights of a graph as constants, but for those that it declares as inputs and that are known."""
        for value in graph.initializers.values():
            if value not in self.values and value.const_value is not None:
                self.values[value] = hold_tensor(value.const_value, value.name)

    def _results(self, node: ir.Node, operands: Values, opsets: Mapping[str, int]) -> Values:
        if node in self.gelu:
            return self._gelu(self.gelu[node])
        operands = _settled(node, operands)
        computed = _computed(node, operands, opsets)
        if computed is not None:
            return computed
        if node.op_type in CONTROL and not node.domain:
            return CONTROL[node.op_type](self, node, operands, opsets)
        lowering = LOWERINGS.get((node.domain, node.op_type))
        if lowering is None:
            return self._by_definition(node, operands, opsets)
        results = lowering(Call(node, operands, opsets.get(node.domain, 1)), self.builder)
        return [results] if isinstance(results, ir.Value) else results

    def _in_float32(self, node: ir.Node, operands: Values, opsets: Mapping[str, int]) -> Values:
        """Say what no kernel does in float16 in float32, and round the results: no worse than float16 can be.

        Raises:
            Refused: when TFLite cannot say it in float32 either; the nodes made for it are taken back.
        """
        before, b = len(self.nodes), self.builder
        try:
            wide = [_widened(b, value) if value is not None else None for value in operands]
            results = self._results(node, wide, opsets)
            halves = [value.dtype in (None, _HALF) for value in node.outputs]
            return [
                b.cast(result, _HALF) if result is not None and half and dtype_of(result) == _WIDE else result
                for result, half in zip(results, halves, strict=False)
            ]
        except Refused:
            self._take_back(before)
            raise

    def _gelu(self, gelu: Gelu) -> Values:
        """Say at once what the nodes before spell out; what they made goes unused."""
        x = self.values[gelu.x]
        assert x is not None
        return [self.builder.unary("GELU", x, approximate=gelu.approximate)]

    def _by_definition(self, node: ir.Node, operands: Values, opsets: Mapping[str, int]) -> Values:
        definition = definition_of(node, operands, opsets)
        if definition is None:
            raise Refused("there is no lowering for this operator")
        given = [value for value in operands if value is not None]
        self.values.update(zip(definition.graph.inputs, given, strict=True))
        return definition.placed(self.run(definition.graph, definition.opsets))

    def _take_back(self, count: int) -> None:
        for node in reversed(self.nodes[count:]):
            for index in range(len(node.inputs)):
                node.replace_input_with(index, None)
        del self.nodes[count:]


def _widened(b: Builder, value: ir.Value) -> ir.Value:
    if dtype_of(value) != _HALF:
        return value
    array = constant_of(value)
    return b.cast(value, _WIDE) if array is None else make_constant(array.astype(np.float32))


def _settled(node: ir.Node, operands: Values) -> Values:
    """Give the operands of a node, with a constant where the declared shape of the result settles one."""
    settled = settled_operand(node, operands)
    if settled is None:
        return operands
    index, array = settled
    return [*operands[:index], make_constant(array), *operands[index + 1 :]]


def _computed(node: ir.Node, operands: Values, opsets: Mapping[str, int]) -> Values | None:
    if not all(value is None or is_constant(value) for value in operands):
        return None
    arrays = [constant_of(value) for value in operands]
    if node.op_type == "DequantizeLinear" and not node.domain:
        kept = constant_on_grid(node, arrays)
        if kept is not None:
            return [kept]
    results = evaluate(node, arrays, opsets)
    return None if results is None else [make_constant(array) for array in results]


def _agree(value: ir.Value, result: ir.Value) -> bool:
    """Whether what was made has the shape that the hub knows.

    Symbols stand for any size; a shape of symbols alone may be what somebody wrote down for an output: it says nothing.
    """
    known = [size if isinstance(size, int) else None for size in value.shape] if value.shape is not None else []
    if not any(size is not None for size in known):
        return True
    got = shape_of(result)
    return len(got) == len(known) and all(size in (None, own) for size, own in zip(known, got, strict=True))
