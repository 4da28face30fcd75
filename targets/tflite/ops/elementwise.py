"""Operators that work element by element and that TFLite has under a name of its own: rows of tables."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_name, dtype_of, shape_of
from .detour import I64, INTEGERS, U64, bitcast, through
from .lowering import Lowering

UNARY = {
    "Ceil": "CEIL",
    "Cos": "COS",
    "Exp": "EXP",
    "Floor": "FLOOR",
    "HardSwish": "HARD_SWISH",
    "Log": "LOG",
    "Neg": "NEG",
    "Not": "LOGICAL_NOT",
    "Relu": "RELU",
    "Round": "ROUND",
    "Sigmoid": "LOGISTIC",
    "Sin": "SIN",
    "Sqrt": "SQRT",
    "Tanh": "TANH",
}
"""ONNX operator → TFLite operator of one operand and the same meaning."""

BINARY = {
    "Add": "ADD",
    "And": "LOGICAL_AND",
    "Max": "MAXIMUM",
    "Min": "MINIMUM",
    "Mul": "MUL",
    "Or": "LOGICAL_OR",
    "Sub": "SUB",
    "Sum": "ADD",
    "Xor": "NOT_EQUAL",
}
"""ONNX operator → TFLite operator of two operands that broadcast, with the same meaning; some take more, in turn."""

COMPARE = {
    "Equal": "EQUAL",
    "Greater": "GREATER",
    "GreaterOrEqual": "GREATER_EQUAL",
    "Less": "LESS",
    "LessOrEqual": "LESS_EQUAL",
}
"""ONNX operator → TFLite operator of two operands that gives bool."""


def lower_unary(call: Call, b: Builder) -> ir.Value:
    """Work on one operand, keeping shape and dtype."""
    operator = UNARY[call.op]
    return through(operator, b, lambda x: b.unary(operator, x), call[0])


def lower_binary(call: Call, b: Builder) -> ir.Value:
    """Work on two operands that broadcast; more are taken in turn."""
    operator = BINARY[call.op]
    result = call[0]
    for index in range(1, len(call.inputs)):
        result = through(operator, b, lambda x, y: b.binary(operator, x, y), result, call[index])
    return result


def lower_compare(call: Call, b: Builder) -> ir.Value:
    """Compare two operands that broadcast."""
    operator = COMPARE[call.op]
    return through(operator, b, lambda x, y: b.binary(operator, x, y, ir.DataType.BOOL), call[0], call[1])


def lower_mean(call: Call, b: Builder) -> ir.Value:
    """Average of several operands."""
    result = lower_sum(call, b)
    return b.binary("MUL", result, b.full(1 / len(call.inputs), result))


def lower_sum(call: Call, b: Builder) -> ir.Value:
    """Sum of several operands."""
    result = call[0]
    for index in range(1, len(call.inputs)):
        result = b.binary("ADD", result, call[index])
    return result


def lower_clip(call: Call, b: Builder) -> ir.Value:
    """Bounds that TFLite has an activation for become one, others MAXIMUM and MINIMUM, in this order."""
    x = call[0]
    bounds = [call.get(1), call.get(2)]
    if call.opset < 11:
        bounds = [b.value(b.full(call.real(name, default), x)) for name, default in (("min", -3.4e38), ("max", 3.4e38))]
    numbers = tuple(None if value is None else _number(value) for value in bounds)
    if dtype_of(x) == ir.DataType.FLOAT and numbers in _ACTIVATIONS:
        return b.unary(_ACTIVATIONS[numbers], x)
    for operator, bound in zip(("MAXIMUM", "MINIMUM"), bounds, strict=True):
        if bound is not None:
            x = through(operator, b, lambda p, q, operator=operator: b.binary(operator, p, q), x, bound)
    return x


def _number(value: ir.Value) -> float | None:
    array = constant_of(value)
    return None if array is None else float(array.item())


_ACTIVATIONS = {(0.0, None): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, np.inf): "RELU"}


def lower_where(call: Call, b: Builder) -> ir.Value:
    """Choose between two operands; all three broadcast."""
    return through("SELECT_V2", b, lambda x, y: b.select(call[0], x, y), call[1], call[2])


def lower_cast(call: Call, b: Builder) -> ir.Value:
    """Convert to another dtype. Floats go to integers by truncation, as everywhere."""
    return convert(b, call[0], ir.DataType(call.integer("to", 0)))


def lower_cast_like(call: Call, b: Builder) -> ir.Value:
    """Convert to the dtype of the second operand."""
    return convert(b, call[0], dtype_of(call[1]))


def convert(b: Builder, x: ir.Value, dtype: ir.DataType) -> ir.Value:
    """Give `x` in another dtype; uint64 and other integers by way of int64, whose bits it shares."""
    if U64 not in (dtype, dtype_of(x)) or dtype == dtype_of(x):
        return b.cast(x, dtype)
    if (dtype if dtype_of(x) == U64 else dtype_of(x)) not in INTEGERS:
        raise Refused(f"no kernel casts {dtype_name(dtype_of(x))} to {dtype_name(dtype)}")
    return bitcast(b, b.cast(x, I64), U64) if dtype == U64 else b.cast(bitcast(b, x, I64), dtype)


def lower_leaky_relu(call: Call, b: Builder) -> ir.Value:
    """Slope `alpha` below zero."""
    return b.unary("LEAKY_RELU", call[0], alpha=call.real("alpha", 0.01))


def lower_prelu(call: Call, b: Builder) -> ir.Value:
    """Learned slope below zero."""
    x, slope = call[0], call[1]
    if call.rank() <= 4 and constant_of(slope) is not None:
        return b.binary("PRELU", x, slope)
    below = b.binary("MUL", b.binary("MINIMUM", x, b.full(0, x)), slope)
    return b.binary("ADD", b.unary("RELU", x), below)


def lower_is_nan(call: Call, b: Builder) -> ir.Value:
    """Tell what differs from itself."""
    return b.binary("NOT_EQUAL", call[0], call[0], ir.DataType.BOOL)


def lower_is_inf(call: Call, b: Builder) -> ir.Value:
    """Tell infinities of the wanted signs."""
    x = call[0]
    match (bool(call.integer("detect_negative", 1)), bool(call.integer("detect_positive", 1))):
        case (True, True):
            return b.binary("EQUAL", b.unary("ABS", x), b.full(np.inf, x), ir.DataType.BOOL)
        case (True, False):
            return b.binary("EQUAL", x, b.full(-np.inf, x), ir.DataType.BOOL)
        case (False, True):
            return b.binary("EQUAL", x, b.full(np.inf, x), ir.DataType.BOOL)
        case _:
            return b.value(np.zeros(shape_of(x), np.bool_))


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(UNARY, lower_unary),
    **dict.fromkeys(BINARY, lower_binary),
    **dict.fromkeys(COMPARE, lower_compare),
    "Cast": lower_cast,
    "CastLike": lower_cast_like,
    "Clip": lower_clip,
    "IsInf": lower_is_inf,
    "IsNaN": lower_is_nan,
    "LeakyRelu": lower_leaky_relu,
    "Mean": lower_mean,
    "PRelu": lower_prelu,
    "Where": lower_where,
}
