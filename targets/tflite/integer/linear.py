"""Convolutions and FULLY_CONNECTED on integers: int8 weights, a bias in the scale of input times weight."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..dialect import Array, constant_of, make_constant, operand, shape_of
from ..quantization import Quantization, grid_of, integers_of, put_on
from .operands import as_integers
from .stays import Stays

_WEIGHT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_PLACES = {"TRANSPOSE_CONV": (2, 1, 3)}
"""The places of input, weights and bias among the operands; (0, 1, 2) where nothing is said."""

_LOWEST_WEIGHT = -127
"""ARM kernels add two products of eight bits in sixteen, which (−128)² + (−128)² overflows."""


def linear(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """Y = W x + b, requantized once at its end.

    Raises:
        Stays: when the weights are not of the kind that the kernels take, or the bias does not fit its integers.
    """
    x_place, w_place, b_place = _PLACES.get(node.op_type, (0, 1, 2))
    x = as_integers(operand(node, x_place), dtype)
    if dtype == ir.DataType.INT16 and (grid_of(x).zero_point or grid.zero_point):
        raise Stays("16-bit kernels take no zero point but 0")
    weight = integer_weight(node, w_place)
    operands = list(node.inputs)
    operands[x_place], operands[w_place] = x, weight
    out = node.outputs[0]
    given = node.inputs[b_place] if len(node.inputs) > b_place else None
    if given is not None:
        operands[b_place] = _bias(given, grid_of(x).scale, grid_of(weight), dtype)
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    return put_on(b.op(node.op_type, operands, shape_of(out), dtype, **attributes), grid)


def integer_weight(node: ir.Node, place: int = 1) -> ir.Value:
    """Give the constant weights of a linear node as int8.

    Raises:
        Stays: when they are not int8 on symmetric grids along the axis of the output channels.
    """
    value = operand(node, place)
    known = integers_of(value)
    if known is None:
        raise Stays("its weights are not quantized")
    integers, grid = known
    if integers.dtype != np.int8 or grid.zero_point != 0:
        raise Stays("its weights are not int8 with zero point 0")
    if integers.min(initial=0) < _LOWEST_WEIGHT:
        raise Stays("its weights hold −128, which the kernels of ARM processors get wrong")
    if len(grid.scales) > 1 and grid.axis != _WEIGHT_AXIS[node.op_type]:
        raise Stays("its weights have scales along another axis than the output channels")
    return put_on(make_constant(integers, value.name), grid)


def _bias(value: ir.Value, scale: float, weight: Quantization, dtype: ir.DataType) -> ir.Value:
    reals: Array | None = constant_of(value)
    if reals is None:
        raise Stays("its bias is not constant")
    scales = np.float32(scale) * np.array(weight.scales, np.float32)
    wide = np.int64 if dtype == ir.DataType.INT16 else np.int32
    steps = np.rint(reals.astype(np.float64) / scales)
    # An accumulator starts with the bias: what comes on top must fit as well.
    if np.any(np.abs(steps) > 2**30) or np.any(scales == 0):
        raise Stays("its bias is too large for the scale of its products")
    grid = Quantization(tuple(float(entry) for entry in scales))
    return put_on(make_constant(steps.astype(wide), value.name), grid)
