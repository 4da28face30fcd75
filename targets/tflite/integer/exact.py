"""Operators that only move, choose or compare: on integers they do just what they do on the reals behind them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..dialect import constant_of, dtype_of, is_constant, make_constant, operand, shape_of
from ..integer_kernels import INTEGER_KERNELS
from ..legalize.rewriter import Rewriter
from ..origin import carry_origins
from ..quantization import Quantization, grid_of, put_on
from .operands import behind, grid_in
from .operands import quantize as quantize_to
from .rules import RULES

_ALL = None
_DATA: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "BROADCAST_TO", "DEPTH_TO_SPACE", "GATHER", "GATHER_ND"), (0,)),
    **dict.fromkeys(("MAX_POOL_2D", "MIRROR_PAD", "PAD", "RELU", "REDUCE_MAX", "REDUCE_MIN", "RESHAPE"), (0,)),
    **dict.fromkeys(("RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SPACE_TO_DEPTH", "SPLIT_V"), (0,)),
    **dict.fromkeys(("STRIDED_SLICE", "TILE", "TOPK_V2", "TRANSPOSE", "UNPACK"), (0,)),
    **dict.fromkeys(("CONCATENATION", "MAXIMUM", "MINIMUM", "PACK"), _ALL),
    **dict.fromkeys(("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"), _ALL),
    "PADV2": (0, 2),
    "SELECT_V2": (1, 2),
    "SPLIT": (1,),
}
"""The operands that hold data, by index."""


_BOUNDS = frozenset({"MAXIMUM", "MINIMUM", "REDUCE_MAX", "REDUCE_MIN"})
"""Operators that may keep values off the grid that do not fit it: a quotient by zero, a mask of −10⁹."""


def data_places(node: ir.Node) -> tuple[int, ...]:
    """Give the indices of the operands that hold data; none when the operator computes."""
    if node.op_type not in _DATA or node.op_type not in INTEGER_KERNELS:
        return ()
    places = _DATA[node.op_type]
    return tuple(range(len(node.inputs))) if places is None else places


def on_integers(rewriter: Rewriter, node: ir.Node) -> bool:
    """Let a node work on the integers behind its operands, and DEQUANTIZE what it gives. Tells whether it could."""
    places = data_places(node)
    known = [behind(operand(node, place)) for place in places]
    sources = [value for value in known if value is not None]
    if not sources or any(grid_of(value) != grid_of(sources[0]) for value in sources):
        return False
    grid, dtype = grid_of(sources[0]), dtype_of(sources[0])
    if dtype not in INTEGER_KERNELS[node.op_type].dtypes:
        return False
    operands = list(node.inputs)
    for place, value in zip(places, known, strict=True):
        constant = value if value is not None else _constant_on(operand(node, place), grid, dtype, node)
        if constant is None:
            return False
        operands[place] = constant
    b = rewriter.builder
    rewriter.replace(node, [reals(b, value) for value in _made(b, node, operands, grid, dtype)])
    return True


def before(rewriter: Rewriter, quantize: ir.Node) -> bool:
    """Put reals on their grid before they are moved instead of behind. Tells whether it could."""
    value = operand(quantize, 0)
    node, dtype = value.producer(), dtype_of(quantize.outputs[0])
    if node is None or len(node.outputs) > 1 or len(value.uses()) > 1 or value.is_graph_output():
        return False
    places = data_places(node)
    if not places or dtype not in INTEGER_KERNELS[node.op_type].dtypes:
        return False
    if node.op_type in _BOUNDS and not all(_becomes_integer(operand(node, place)) for place in places):
        return False
    grid, b = grid_in(quantize), rewriter.builder
    operands = list(node.inputs)
    for place in places:
        operands[place] = _quantized(b, operand(node, place), quantize, dtype)
    [result] = _made(b, node, operands, grid, dtype)
    result.name, value.name = value.name, None
    carry_origins(value, result)
    rewriter.replace(quantize, [result])
    return True


def _becomes_integer(value: ir.Value) -> bool:
    """Whether a QUANTIZE behind a value is likely to become part of its kernel, which saturates.

    QUANTIZE itself does not: infinity and what is beyond 2³¹ steps it puts at the wrong end of the grid.
    """
    maker = value.producer()
    if maker is None or maker.op_type == "DEQUANTIZE":
        return True
    if maker.op_type == "DIV" and not is_constant(operand(maker, 1)):
        return False
    if data_places(maker):
        return all(_becomes_integer(operand(maker, place)) for place in data_places(maker))
    return maker.op_type in RULES


def _made(
    b: Builder, node: ir.Node, operands: list[ir.Value | None], grid: Quantization, dtype: ir.DataType
) -> list[ir.Value]:
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    floats = [dtype_of(value) == ir.DataType.FLOAT for value in node.outputs]
    results = [
        (shape_of(value), dtype if is_float else dtype_of(value))
        for value, is_float in zip(node.outputs, floats, strict=True)
    ]
    made = list(b.node(node.op_type, operands, results, **attributes))
    for value, is_float in zip(made, floats, strict=True):
        if is_float:
            put_on(value, grid)
    return made


def reals(b: Builder, value: ir.Value) -> ir.Value:
    """Give integers as reals, where they are on a grid."""
    if dtype_of(value) not in (ir.DataType.INT8, ir.DataType.INT16):
        return value
    grid = grid_of(value)
    return b.op("DEQUANTIZE", [value], shape_of(value), ir.DataType.FLOAT, scale=grid.scale, zero_point=grid.zero_point)


def _quantized(b: Builder, value: ir.Value, quantize: ir.Node, dtype: ir.DataType) -> ir.Value:
    grid, array = grid_in(quantize), constant_of(value)
    if array is not None:
        return put_on(make_constant(grid.integers(array, dtype), value.name), grid)
    return quantize_to(b, value, grid, dtype)


def _constant_on(value: ir.Value, grid: Quantization, dtype: ir.DataType, node: ir.Node) -> ir.Value | None:
    """Give a constant on the grid of the others, where it lies on it (or is the −∞ that pads before a maximum)."""
    if not is_constant(value):
        return None
    array = constant_of(value)
    assert array is not None
    integers = grid.integers(array, dtype)
    lost = not np.array_equal(grid.reals(integers), array)
    if lost and not (node.op_type == "PADV2" and np.isneginf(array).all() and _only_maxima(node.outputs[0])):
        return None
    return put_on(make_constant(integers, value.name), grid)


def _only_maxima(value: ir.Value) -> bool:
    return not value.is_graph_output() and all(use.node.op_type == "MAX_POOL_2D" for use in value.uses())
