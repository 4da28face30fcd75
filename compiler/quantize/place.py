"""Putting QuantizeLinear and DequantizeLinear into a graph.

A tensor is quantized once, behind what makes it; every place that reads it has a DequantizeLinear of its own, which is
how runtimes find the group of nodes that is one kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, Editor, constant_array
from .linear import put_constant
from .parameters import Parameters


class Placer:
    """Places Q/DQ in one model. Tensors keep their names; what is added is named after them."""

    def __init__(self, model: ir.Model) -> None:
        """`model` is edited in place."""
        self._graph = model.graph
        self._editor = Editor(model)
        self._scales: dict[Parameters, tuple[ir.Value, ir.Value]] = {}
        self._quantized: dict[tuple[ir.Value, Parameters], ir.Value] = {}
        self._dynamic: dict[ir.Value, tuple[ir.Value, ...]] = {}

    def read(self, node: ir.Node, index: int, parameters: Parameters) -> None:
        """Let an input of a node be read from integers: those of a constant are stored, others are computed."""
        value = _input(node, index)
        self._dequantize(node, index, value, self._integers(value, parameters), parameters)

    def requantize(self, node: ir.Node, index: int, first: Parameters, second: Parameters) -> None:
        """Let an input be read with other parameters than it is stored with."""
        value = _input(node, index)
        self.read(node, index, first)
        integers = self._quantize(_input(node, index), second, stem=str(value.name), before=node)
        self._dequantize(node, index, value, integers, second)

    def read_integers(self, node: ir.Node, index: int, integers: Array, parameters: Parameters) -> None:
        """Let an input of a node be read from these integers, whatever stood there."""
        value = _input(node, index)
        stored = self._editor.constant(_tensor(integers, parameters), f"{value.name}/quantized")
        self._dequantize(node, index, value, stored, parameters)

    def put(self, node: ir.Node, index: int, array: Array) -> None:
        """Let a constant stand at an input of a node; one that stood there for this node alone gives it its name."""
        if len(node.inputs) <= index:
            node.resize_inputs(index + 1)
        if node.inputs[index] is not None:
            put_constant(self._editor, node, index, array)
        else:
            node.replace_input_with(index, self._editor.constant(array, f"{node.name}/input_{index}"))

    def write(self, value: ir.Value, parameters: Parameters) -> None:
        """Let everything that reads a computed tensor read it from integers.

        An output of the graph keeps its name and stays float.
        """
        integers = self._integers(value, parameters)
        own = integers.producer()
        assert own is not None
        for user, index in tuple(value.uses()):
            if user is not own:
                self._dequantize(user, index, value, integers, parameters)
        if value.is_graph_output():
            last = self._node(
                "DequantizeLinear", [integers, *self._constants(parameters, value)], _attributes(parameters), value, own
            )
            self._editor.take_over(self._graph, value, last)

    def read_dynamic(self, node: ir.Node, index: int) -> None:
        """Let an input be quantized by the range that it has at each call."""
        value = _input(node, index)
        if value not in self._dynamic:
            first = self._node("DynamicQuantizeLinear", [value], {}, value, node, before=True, outputs=3)
            maker = first.producer()
            assert maker is not None
            types = ir.DataType.UINT8, ir.DataType.FLOAT, ir.DataType.UINT8
            for output, dtype in zip(maker.outputs, types, strict=True):
                output.type = ir.TensorType(dtype)
                output.shape = value.shape if output is first else ir.Shape([])
            self._dynamic[value] = tuple(maker.outputs)
        result = self._node("DequantizeLinear", self._dynamic[value], {}, value, node, before=True)
        node.replace_input_with(index, result)

    def _integers(self, value: ir.Value, parameters: Parameters) -> ir.Value:
        key = value, parameters
        if key not in self._quantized:
            array = constant_array(value)
            if array is None:
                self._quantized[key] = self._quantize(value, parameters, stem=str(value.name), before=None)
            else:
                tensor = _tensor(parameters.quantize(array), parameters)
                self._quantized[key] = self._editor.constant(tensor, f"{value.name}/quantized")
        return self._quantized[key]

    def _quantize(self, value: ir.Value, parameters: Parameters, *, stem: str, before: ir.Node | None) -> ir.Value:
        inputs = [value, *self._constants(parameters, value)]
        place = before or value.producer() or self._graph[0]
        front = before is not None or value.producer() is None
        integers = self._node("QuantizeLinear", inputs, {}, value, place, before=front, stem=stem)
        integers.type = ir.TensorType(parameters.grid.dtype)
        return integers

    def _dequantize(
        self, node: ir.Node, index: int, value: ir.Value, integers: ir.Value, parameters: Parameters
    ) -> None:
        inputs = [integers, *self._constants(parameters, value)]
        inside = node.graph is not self._graph
        # what a subgraph reads is computed in front of it
        place = (integers.producer() or self._graph[0]) if inside else node
        front = not inside or integers.producer() is None
        result = self._node("DequantizeLinear", inputs, _attributes(parameters), value, place, before=front)
        result.shape = integers.shape  # a bias may have been a vector with more axes
        node.replace_input_with(index, result)

    def _constants(self, parameters: Parameters, value: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Scale and zero point, stored once for all that share them."""
        if parameters not in self._scales:
            self._scales[parameters] = (
                self._editor.constant(parameters.scale, f"{value.name}/scale"),
                self._editor.constant(_tensor(parameters.zero_point, parameters), f"{value.name}/zero_point"),
            )
        return self._scales[parameters]

    def _node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        attributes: Mapping[str, Any],
        like: ir.Value,
        place: ir.Node,
        *,
        before: bool = False,
        stem: str | None = None,
        outputs: int = 1,
    ) -> ir.Value:
        name = f"{stem or like.name}/{op_type}"
        result = self._editor.node(place, op_type, inputs, attributes, stem=name, like=like, outputs=outputs)
        if not before:
            node = result.producer()
            assert node is not None
            assert place.graph is not None
            place.graph.remove(node)
            place.graph.insert_after(place, node)
        return result


def _input(node: ir.Node, index: int) -> ir.Value:
    value = node.inputs[index]
    assert value is not None
    return value


def _attributes(parameters: Parameters) -> dict[str, int]:
    if parameters.axis is None:
        return {}
    block = {"block_size": parameters.block} if parameters.block else {}
    return {"axis": parameters.axis, **block}


def _tensor(integers: Array, parameters: Parameters) -> ir.TensorProtocol:
    return ir.tensor(np.asarray(integers).astype(parameters.grid.dtype.numpy()), dtype=parameters.grid.dtype)
