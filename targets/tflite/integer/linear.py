"""Convolutions and FULLY_CONNECTED on integers: int8 weights, a bias in the scale of input times weight."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..dialect import constant_of, make_constant, operand, shape_of
from ..quantization import Quantization, grid_of, integers_of, put_on
from .operands import as_integers
from .stays import Stays

_WEIGHT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_PLACES = {"TRANSPOSE_CONV": (2, 1, 3)}
"""The places of input, weights and bias among the operands; (0, 1, 2) where nothing is said."""

_BIAS_LIMIT = 2**30
"""An accumulator of 32 bits starts with the bias; what comes on top fits into the other half."""
_UNSEEN = 0.05
"""Steps of the result."""

_LOWEST_WEIGHT = -127
"""ARM kernels add two products of eight bits in sixteen, which (−128)² + (−128)² overflows."""


def linear(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """Give W x + b, requantized once at its end.

    Raises:
        Stays: when the weights are not of the kind that the kernels take, or the bias does not fit its integers.
    """
    x_place, w_place, b_place = _PLACES.get(node.op_type, (0, 1, 2))
    x = as_integers(operand(node, x_place), dtype)
    if dtype == ir.DataType.INT16 and (grid_of(x).zero_point or grid.zero_point):
        raise Stays("16-bit kernels take no zero point but 0")
    weight = integer_weight(node, w_place)
    operands = list(node.inputs)
    out = node.outputs[0]
    given = node.inputs[b_place] if len(node.inputs) > b_place else None
    if given is not None:
        weight = _roomy(weight, given, _WEIGHT_AXIS[node.op_type], grid_of(x).scale, grid.scale, dtype)
        operands[b_place] = _bias(given, grid_of(x).scale, grid_of(weight), dtype)
    operands[x_place], operands[w_place] = x, weight
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


def _roomy(
    weight: ir.Value, bias: ir.Value, axis: int, x_scale: float, out_scale: float, dtype: ir.DataType
) -> ir.Value:
    """Give weights whose scales let the bias fit into 32 bits.

    Beside such a bias the products of the channel are next to nothing: coarser weights move its results by less than
    `_UNSEEN` steps, or the node stays float.
    """
    grid, integers, reals = grid_of(weight), constant_of(weight), constant_of(bias)
    assert integers is not None
    if reals is None:
        raise Stays("its bias is not constant")
    scales = np.broadcast_to(np.array(grid.scales, np.float64), (integers.shape[axis],))
    least = np.abs(reals.astype(np.float64)) / (_BIAS_LIMIT * x_scale)
    if dtype == ir.DataType.INT16 or np.all(scales >= least):
        return weight
    fan_in = integers.size // integers.shape[axis]
    if np.any(fan_in * 255 * x_scale * least[scales < least] / 2 > _UNSEEN * out_scale):
        raise Stays("its bias is too large for the scale of its products")
    coarse = np.maximum(scales, least)
    others = [other for other in range(integers.ndim) if other != axis]
    moved = np.rint(integers * np.expand_dims(scales / coarse, others)).astype(np.int8)
    return put_on(
        make_constant(moved, weight.name), Quantization(tuple(map(float, coarse.astype(np.float32))), 0, axis)
    )


def _bias(value: ir.Value, scale: float, weight: Quantization, dtype: ir.DataType) -> ir.Value:
    reals = constant_of(value)
    assert reals is not None
    scales = np.float64(scale) * np.array(weight.scales, np.float64)
    wide = np.int64 if dtype == ir.DataType.INT16 else np.int32
    steps = np.rint(reals.astype(np.float64) / scales)
    grid = Quantization(tuple(float(entry) for entry in scales))
    return put_on(make_constant(steps.astype(wide), value.name), grid)
