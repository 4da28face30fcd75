"""Operators that work element by element, most of them rows of a table."""

from __future__ import annotations

import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import dtype_of
from ..refused import Refused
from .lowering import Lowering

UNARY = {
    "Relu": "RELU",
    "Sigmoid": "LOGISTIC",
    "Tanh": "TANH",
    "Exp": "EXP",
    "Sqrt": "SQRT",
}
"""ONNX operator → TFLite operator of one operand and the same meaning."""

BINARY = {"Add": "ADD", "Sub": "SUB", "Mul": "MUL"}
"""ONNX operator → TFLite operator of two operands that broadcast, with the same meaning."""


def lower_unary(call: Call, b: Builder) -> ir.Value:
    """One operand, the same shape and dtype."""
    return b.unary(UNARY[call.op], call[0])


def lower_binary(call: Call, b: Builder) -> ir.Value:
    """Two operands that broadcast."""
    return b.binary(BINARY[call.op], call[0], call[1])


def lower_clip(call: Call, b: Builder) -> ir.Value:
    """Bounds that TFLite has an activation for become one, others MAXIMUM and MINIMUM."""
    x = call[0]
    bounds = tuple(None if not call.has(index) else float(call.constant(index, "bound").item()) for index in (1, 2))
    if dtype_of(x) == ir.DataType.FLOAT and bounds in _ACTIVATIONS:
        return b.unary(_ACTIVATIONS[bounds], x)
    raise Refused("bounds")


_ACTIVATIONS = {(0.0, None): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1"}

LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(UNARY, lower_unary),
    **dict.fromkeys(BINARY, lower_binary),
    "Clip": lower_clip,
}
