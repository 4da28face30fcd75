"""Weights of eight bits for operators that compute with floats: taken by the kernel, or behind a DEQUANTIZE."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....vocabulary.precision import Precision
from ..dialect import DOMAIN, dtype_of, make_constant, make_value, shape_of
from ..quantization import Quantization, integers_of, put_on
from .linear import integer_weight
from .stays import Stays

_HYBRID = frozenset({"CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
"""Operators whose kernels take float activations with int8 weights, and put the activations on a grid at each call.

DEPTHWISE_CONV_2D has such a kernel too; it takes four times as long as the float one.
"""

_WORTH = 256
"""Elements from which 3 bytes less for each outweigh the operator, the tensor and its scales."""


def store_weights(graph: ir.Graph, precision: Precision) -> None:
    """Store the constants of float operators that stand for int8 as int8.

    A DEQUANTIZE of a constant is computed once, when the interpreter first runs.
    """
    stored: dict[ir.Value, ir.Value] = {}
    for node in graph:
        if dtype_of(node.outputs[0]) != ir.DataType.FLOAT or node.op_type == "DEQUANTIZE":
            continue
        if precision is Precision.DYNAMIC_WI8_AFP32 and node.op_type in _HYBRID and _take(node):
            continue
        for index, value in enumerate(node.inputs):
            known = integers_of(value)
            if value is None or known is None or known[0].dtype != np.int8 or known[0].size < _WORTH:
                continue
            if value not in stored:
                stored[value] = _dequantized(graph, node, value, *known)
            node.replace_input_with(index, stored[value])


def _take(node: ir.Node) -> bool:
    """Give a kernel its weights as int8. Tells whether they are of the kind that it takes."""
    try:
        weight = integer_weight(node)
    except Stays:
        return False
    node.replace_input_with(1, weight)
    if node.op_type == "FULLY_CONNECTED":
        node.attributes.add(ir.AttrInt64("asymmetric_quantize_inputs", 1))
    return True


def _dequantized(graph: ir.Graph, user: ir.Node, value: ir.Value, integers: np.ndarray, grid: Quantization) -> ir.Value:
    stored = put_on(make_constant(integers, value.name), grid)
    out = make_value(f"{value.name}/float32" if value.name else None, shape_of(value), ir.DataType.FLOAT)
    graph.insert_before(user, ir.Node(DOMAIN, "DEQUANTIZE", [stored], outputs=[out]))
    return out
