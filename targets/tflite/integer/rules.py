"""How each operator computes with integers: what its kernel demands of the grids of operands and result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
import onnx_ir as ir

from ..builder import Attribute, Builder
from ..dialect import constant_of, operand, shape_of
from ..quantization import Quantization, grid_of, put_on
from .linear import linear
from .operands import as_integers, constant_integers, requantized
from .stays import Stays

Rule = Callable[[Builder, ir.Node, Quantization, ir.DataType], ir.Value]
"""Makes the integer node for a float one: with the grid and dtype that its result is wanted on. Gives integers on
whatever grid the kernel can give; raises Stays when the kernel cannot do it."""

_I8, _I16 = ir.DataType.INT8, ir.DataType.INT16


def free(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType, data: int | None = None) -> ir.Value:
    """Any grid on every operand (the first `data`; all when None), any grid on the result."""
    count = len(node.inputs) if data is None else data
    operands = [as_integers(operand(node, index), dtype) for index in range(count)]
    _symmetric_when_wide(operands, grid, dtype)
    return made(b, node, [*operands, *node.inputs[count:]], grid, dtype)


def sum_or_difference(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """ADD and SUB, whose 16-bit kernels take scales that are no powers of two only when told so."""
    operands = [as_integers(operand(node, index), dtype) for index in range(2)]
    _symmetric_when_wide(operands, grid, dtype)
    more: dict[str, Attribute] = {"pot_scale_int16": False} if dtype == _I16 else {}
    return made(b, node, operands, grid, dtype, more=more)


def quotient(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """DIV by one number: MUL by its inverse."""
    divisor = constant_of(node.inputs[1])
    if divisor is None or divisor.size != 1 or divisor.item() == 0:
        raise Stays("the runtime has no DIV of integers on a grid")
    inverse = b.value(np.asarray(np.float32(1) / divisor))
    operands = [as_integers(operand(node, 0), dtype), constant_integers(inverse, dtype)]
    _symmetric_when_wide(operands, grid, dtype)
    return made(b, node, operands, grid, dtype, operator="MUL")


def square(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """SQUARE: MUL of a value with itself."""
    value = as_integers(operand(node, 0), dtype)
    return made(b, node, [value, value], grid, dtype, operator="MUL")


def negative(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """NEG: MUL by −1; the kernel NEG would take the integers for numbers."""
    minus = constant_integers(b.value(np.array(-1, np.float32)), dtype)
    return made(b, node, [as_integers(operand(node, 0), dtype), minus], grid, dtype, operator="MUL")


def same(b: Builder, node: ir.Node, _grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """The result has the grid of operand 0."""
    value = as_integers(operand(node, 0), dtype)
    return made(b, node, [value, *node.inputs[1:]], grid_of(value), dtype)


def fixed(
    b: Builder, node: ir.Node, _grid: Quantization, dtype: ir.DataType, to: Mapping[ir.DataType, Quantization]
) -> ir.Value:
    """The kernel gives its result on a grid of its own."""
    value = as_integers(operand(node, 0), dtype)
    if dtype not in to:
        raise Stays("the runtime has no kernel of it for 16 bits")
    _symmetric_when_wide([value], to[dtype], dtype)
    return made(b, node, [value, *node.inputs[1:]], to[dtype], dtype)


def alike(b: Builder, node: ir.Node, grid: Quantization, dtype: ir.DataType, first: int = 0) -> ir.Value:
    """Operands (from `first`) and result have one grid: that of the result."""
    operands = [
        requantized(b, as_integers(value, dtype), grid, dtype) for value in node.inputs[first:] if value is not None
    ]
    return made(b, node, [*node.inputs[:first], *operands], grid, dtype)


def made(
    b: Builder,
    node: ir.Node,
    operands: list[ir.Value | None] | list[ir.Value],
    grid: Quantization,
    dtype: ir.DataType,
    operator: str | None = None,
    more: Mapping[str, Attribute] | None = None,
) -> ir.Value:
    """Make the integer node with the options of the float one."""
    attributes = {name: attribute.value for name, attribute in node.attributes.items()} | dict(more or {})
    name = operator or node.op_type
    return put_on(b.op(name, operands, shape_of(node.outputs[0]), dtype, **attributes), grid)


def _symmetric_when_wide(operands: list[ir.Value], grid: Quantization, dtype: ir.DataType) -> None:
    if dtype == _I16 and (grid.zero_point or any(grid_of(value).zero_point for value in operands)):
        raise Stays("16-bit kernels take no zero point but 0")


_UNIT: Final = {_I8: Quantization((1 / 256,), -128), _I16: Quantization((1 / 32768,))}
_SIGNED_UNIT: Final = {_I8: Quantization((1 / 128,)), _I16: Quantization((1 / 32768,))}

RULES: dict[str, Rule] = {
    **dict.fromkeys(("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "RSQRT"), free),
    **dict.fromkeys(("BATCH_MATMUL", "MUL", "PRELU", "RELU", "RELU6", "RELU_N1_TO_1", "SQUARED_DIFFERENCE"), free),
    **dict.fromkeys(("MEAN", "SUM"), partial(free, data=1)),
    **dict.fromkeys(("ADD", "SUB"), sum_or_difference),
    **dict.fromkeys(("AVERAGE_POOL_2D", "RESIZE_BILINEAR"), same),
    **dict.fromkeys(("CONCATENATION", "MAXIMUM", "MINIMUM", "PACK"), alike),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"), linear),
    **dict.fromkeys(("LOGISTIC", "SOFTMAX"), partial(fixed, to=_UNIT)),
    "DIV": quotient,
    "L2_NORMALIZATION": partial(fixed, to={_I8: _SIGNED_UNIT[_I8]}),
    "LOG_SOFTMAX": partial(fixed, to={_I8: Quantization((16 / 256,), 127)}),
    "NEG": negative,
    "SELECT_V2": partial(alike, first=1),
    "SQUARE": square,
    "TANH": partial(fixed, to=_SIGNED_UNIT),
}
