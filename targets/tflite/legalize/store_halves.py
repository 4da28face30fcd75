"""Weights of a float16 model: stored in 16 bits, made float32 by DEQUANTIZE when the file is loaded.

Only what is exact is stored so: the numbers that the model computes with stay the same.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import DOMAIN, Array, constant_of, dtype_of, make_constant, make_value, shape_of

_WORTH = 128
"""Elements from which 2 bytes less for each outweigh the operator and tensor more."""


def store_halves(graph: ir.Graph) -> None:
    """Store every large float32 constant that float16 holds exactly as float16."""
    stored: dict[ir.Value, ir.Value] = {}
    for node in graph:
        if node.op_type == "DEQUANTIZE":
            continue
        for index, value in enumerate(node.inputs):
            array = constant_of(value)
            if value is None or array is None or dtype_of(value) != ir.DataType.FLOAT or array.size < _WORTH:
                continue
            if value not in stored:
                half = _exact_half(array)
                if half is None:
                    continue
                stored[value] = _dequantized(graph, node, half, value)
            node.replace_input_with(index, stored[value])


def _exact_half(array: Array) -> Array | None:
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else None


def _dequantized(graph: ir.Graph, user: ir.Node, half: Array, value: ir.Value) -> ir.Value:
    name = value.name
    out = make_value(f"{name}/float32" if name else None, shape_of(value), ir.DataType.FLOAT)
    graph.insert_before(user, ir.Node(DOMAIN, "DEQUANTIZE", [make_constant(half, name)], outputs=[out]))
    return out
