"""Inputs and outputs that are integers: the QUANTIZE behind an input and the DEQUANTIZE before an output go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from ....vocabulary.errors import RefusedError
from ..dialect import dtype_of, hub_node, is_constant, make_value, operand, shape_of
from ..quantization import grid_of, has_grid, put_on

if TYPE_CHECKING:
    from ..legalize.lower import Lowered


def integer_io(lowered: Lowered) -> None:
    """Let the graph take and give int8 where it takes and gives float32; the names stay.

    Raises:
        RefusedError: when some node computes with floats, or an input or output is not on one grid; names them.
    """
    graph = lowered.graph
    details = {entry.node: entry.detail for entry in lowered.coverage.nodes}
    floats = dict.fromkeys(hub_node(node) or node.op_type for node in graph if _computes_with_floats(node))
    if floats:
        lines = "".join(f"\n  {name}: {details[name]}" if name in details else f"\n  {name}" for name in floats)
        raise RefusedError(
            f"tflite: io = int8 needs a model of integers alone, and {len(floats)} nodes compute with floats:{lines}",
            hint='leave io out, or quantize the model whole: recipe [{ quantize = { precision = "static_wi8_ai8" } }]',
        )
    for place, value in enumerate(graph.inputs):
        if dtype_of(value) == ir.DataType.FLOAT:
            graph.inputs[place] = _integer_input(graph, value)
    for place, value in enumerate(graph.outputs):
        if dtype_of(value) == ir.DataType.FLOAT:
            graph.outputs[place] = _integer_output(graph, value)


def _computes_with_floats(node: ir.Node) -> bool:
    values = [value for value in (*node.inputs, *node.outputs) if value is not None]
    floats = [dtype_of(value) == ir.DataType.FLOAT for value in values]
    return any(floats) and not (node.op_type in ("QUANTIZE", "DEQUANTIZE") and not all(floats))


def _integer_input(graph: ir.Graph, value: ir.Value) -> ir.Value:
    quantizers = [use.node for use in value.uses()]
    results = [node.outputs[0] for node in quantizers]
    if not results or len({grid_of(result) for result in results}) > 1 or dtype_of(results[0]) != ir.DataType.INT8:
        raise _no_grid(value, "input")
    taken = put_on(make_value(value.name, shape_of(value), ir.DataType.INT8), grid_of(results[0]))
    for node in quantizers:
        node.outputs[0].replace_all_uses_with(taken)
        graph.remove(node, safe=True)
    return taken


def _integer_output(graph: ir.Graph, value: ir.Value) -> ir.Value:
    dequantizer = value.producer()
    source = operand(dequantizer, 0) if dequantizer is not None and dequantizer.op_type == "DEQUANTIZE" else None
    whole = source is not None and has_grid(source) and dtype_of(source) == ir.DataType.INT8
    if source is None or not whole or source.is_graph_input() or source.is_graph_output() or is_constant(source):
        raise _no_grid(value, "output")
    assert dequantizer is not None
    name, value.name = value.name, None
    source.name = name
    value.replace_all_uses_with(source, replace_graph_outputs=True)
    if not value.is_graph_output():
        graph.remove(dequantizer, safe=True)
    return source


def _no_grid(value: ir.Value, kind: str) -> RefusedError:
    return RefusedError(
        f"tflite: io = int8, and the {kind} {value.name!r} is not on one grid of int8",
        hint="leave io out, or quantize the model whole",
    )
