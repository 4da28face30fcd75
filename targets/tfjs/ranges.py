"""What is known of integers of the dialect before any is computed."""

from __future__ import annotations

import onnx_ir as ir

from ..tflite.dialect import constant_of, dtype_of

_UNSIGNED = frozenset({ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64})

_KEEP = frozenset(
    {
        *("ADD", "BITCAST", "BROADCAST_TO", "CAST", "CONCATENATION", "CUMSUM", "DIV", "FLOOR_MOD", "MAXIMUM"),
        *("MINIMUM", "MUL", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "RESHAPE", "RIGHT_SHIFT", "SIGN", "SUM"),
        *("TILE", "TRANSPOSE"),
    }
)
"""Operators that make no number below zero of numbers none of which is; operands that say how are none either."""

_DEEPEST = 32


def never_negative(value: ir.Value, depth: int = 0) -> bool:
    """Whether an integer of the dialect cannot be below zero, as far as its producers tell.

    What leaves int32 upwards is not looked at: integers are narrowed to it.
    """
    array = constant_of(value)
    if array is not None:
        return bool((array >= 0).all())
    node = value.producer()
    if dtype_of(value) in _UNSIGNED or dtype_of(value) == ir.DataType.BOOL:
        return True
    if node is None or depth == _DEEPEST:
        return False
    if node.op_type in ("ARG_MAX", "ARG_MIN", "WHERE"):
        return True
    operands = [operand for operand in node.inputs if operand is not None]
    if node.op_type in ("GATHER", "GATHER_ND", "SELECT_V2", "STRIDED_SLICE"):
        picked = operands[1:] if node.op_type == "SELECT_V2" else operands[:1]
        return all(never_negative(operand, depth + 1) for operand in picked)
    if dtype_of(operands[0]) == ir.DataType.FLOAT:
        return False
    return node.op_type in _KEEP and all(never_negative(operand, depth + 1) for operand in operands)
