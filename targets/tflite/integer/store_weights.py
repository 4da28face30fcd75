"""Weights of eight or four bits for operators that compute with floats: taken by the kernel, or behind a DEQUANTIZE."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ....vocabulary.precision import Precision
from ..builder import Builder
from ..dialect import dtype_of, make_constant, shape_of
from ..quantization import Quantization, blocks_of, integers_of, put_on
from .linear import integer_weight
from .stays import Stays

_HYBRID = frozenset({"CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
"""Operators whose kernels take float activations with int8 weights, and put the activations on a grid at each call.

DEPTHWISE_CONV_2D has such a kernel too; it takes four times as long as the float one.
"""
_DEEP, _MUCH = 16, 64
"""Input channels, and products for each activation, from which a convolution is better off with a grid at each call.

Measured with XNNPACK on a CPU that multiplies int8 in hardware, in times of the float kernel: 3 channels 3.0, one
channel 2.5, 32 products 1.4, 64 products 0.96, 128 products 0.48 to 0.77, 576 products 0.14.
"""

_SHORTEST_ROW = 16
"""Elements from which a scale and a zero point, 12 bytes, are worth it."""
_WORTH = 256
"""Elements from which 3 bytes less for each outweigh the operator, the tensor and its scales."""


def store_weights(graph: ir.Graph, precision: Precision) -> None:
    """Store the constants of float operators that stand for int8 or int4 as such.

    A DEQUANTIZE of a constant is computed once, when the interpreter first runs.
    """
    stored: dict[ir.Value, ir.Value] = {}
    for node in graph:
        if dtype_of(node.outputs[0]) != ir.DataType.FLOAT or node.op_type == "DEQUANTIZE":
            continue
        if precision is Precision.DYNAMIC_WI8_AFP32 and node.op_type in _HYBRID and _take(node):
            continue
        for index, value in enumerate(node.inputs):
            if value is None or not _is_worth_it(value):
                continue
            if value not in stored:
                stored[value] = _dequantized(graph, node, value)
            node.replace_input_with(index, stored[value])


def _is_worth_it(value: ir.Value) -> bool:
    known, in_blocks = integers_of(value), blocks_of(value)
    if in_blocks is not None:
        integers, blocks = in_blocks
        along = blocks.axis == integers.ndim - 1 and math.gcd(integers.shape[-1], blocks.size) >= _SHORTEST_ROW
        return along and integers.size >= _WORTH
    return known is not None and known[0].dtype in (np.int8, ml_dtypes.int4) and known[0].size >= _WORTH


def _take(node: ir.Node) -> bool:
    """Give a kernel its weights as int8. Tells whether they are of the kind that it takes, and worth it."""
    try:
        weight = integer_weight(node)
    except Stays:
        return False
    if node.op_type != "FULLY_CONNECTED":
        filters, height, width, depth = shape_of(weight)
        if depth < _DEEP or filters * height * width < _MUCH:
            return False
    node.replace_input_with(1, weight)
    if node.op_type == "FULLY_CONNECTED":
        node.attributes.add(ir.AttrInt64("asymmetric_quantize_inputs", 1))
    return True


def _dequantized(graph: ir.Graph, user: ir.Node, value: ir.Value) -> ir.Value:
    """Give the reals of stored integers. Blocks are rows of a matrix with a scale for each row, and reshaped."""
    known, in_blocks = integers_of(value), blocks_of(value)
    made: list[ir.Node] = []
    b = Builder(made.append)
    if in_blocks is not None:
        integers, blocks = in_blocks
        # A last block that is cut short would be a shorter row: all rows are as short as it takes to have none.
        width = math.gcd(integers.shape[-1], blocks.size)
        scales = blocks.scales.repeat(blocks.size // width, -1)[..., : integers.shape[-1] // width]
        rows = make_constant(integers.reshape(-1, width), value.name)
        stored = put_on(rows, Quantization(tuple(map(float, scales.ravel()))))
    else:
        assert known is not None
        stored = put_on(make_constant(known[0], value.name), known[1])
    result = b.reshape(b.op("DEQUANTIZE", [stored], shape_of(stored), ir.DataType.FLOAT), shape_of(value))
    for node in made:
        node.outputs[0].name = f"{value.name}/{node.op_type.lower()}" if value.name else None
    graph.insert_before(user, made)
    return result
