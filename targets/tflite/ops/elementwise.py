"""Operators that work element by element and that TFLite has under a name of its own: rows of tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_name, dtype_of, shape_of
from ..kernels import KERNELS
from ..refused import Refused
from .lowering import Lowering

UNARY = {
    "Abs": "ABS",
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
    "Sign": "SIGN",
    "Sin": "SIN",
    "Sqrt": "SQRT",
    "Tanh": "TANH",
}
"""ONNX operator → TFLite operator of one operand and the same meaning."""

BINARY = {
    "Add": "ADD",
    "And": "LOGICAL_AND",
    "BitwiseXor": "BITWISE_XOR",
    "Div": "DIV",
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

_NARROW = frozenset({ir.DataType.INT8, ir.DataType.INT16, ir.DataType.UINT8, ir.DataType.UINT16})
"""Integers that int32 holds. Work done in int32 and cut off to their bits again is exact for these operators."""
_EXACT_IN_INT32 = frozenset(
    {"ABS", "ADD", "DIV", "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "MAXIMUM", "MINIMUM", "MUL", "NEG"}
    | {"SIGN", "SUB", "FLOOR_MOD"}
)


def lower_unary(call: Call, b: Builder) -> ir.Value:
    """Work on one operand, keeping shape and dtype."""
    operator = UNARY[call.op]
    return _in_int32(operator, b, lambda x: b.unary(operator, x), call[0])


def lower_binary(call: Call, b: Builder) -> ir.Value:
    """Work on two operands that broadcast; more are taken in turn."""
    operator = BINARY[call.op]
    result = call[0]
    for index in range(1, len(call.inputs)):
        result = _in_int32(operator, b, lambda x, y: b.binary(operator, x, y), result, call[index])
    return result


def lower_compare(call: Call, b: Builder) -> ir.Value:
    """Compare two operands that broadcast."""
    operator = COMPARE[call.op]
    x, y = (
        b.cast(value, ir.DataType.INT32) if _widens(operator, dtype_of(value)) else value
        for value in (call[0], call[1])
    )
    return b.binary(operator, x, y, ir.DataType.BOOL)


def _in_int32(operator: str, b: Builder, work: Callable[..., ir.Value], *operands: ir.Value) -> ir.Value:
    dtype = dtype_of(operands[0])
    if not _widens(operator, dtype):
        return work(*operands)
    return b.cast(work(*(b.cast(value, ir.DataType.INT32) for value in operands)), dtype)


def _widens(operator: str, dtype: ir.DataType) -> bool:
    return dtype in _NARROW and dtype not in KERNELS[operator].dtypes and operator in _EXACT_IN_INT32


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
            x = _in_int32(operator, b, lambda p, q, operator=operator: b.binary(operator, p, q), x, bound)
    return x


def _number(value: ir.Value) -> float | None:
    array = constant_of(value)
    return None if array is None else float(array.item())


_ACTIVATIONS = {(0.0, None): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, np.inf): "RELU"}


def lower_where(call: Call, b: Builder) -> ir.Value:
    """Choose between two operands; all three broadcast."""
    shape = np.broadcast_shapes(*(shape_of(call[index]) for index in range(3)))
    return b.op("SELECT_V2", [call[0], call[1], call[2]], shape, dtype_of(call[1]))


def lower_cast(call: Call, b: Builder) -> ir.Value:
    """Convert to another dtype. Floats go to integers by truncation, as everywhere."""
    return b.cast(call[0], ir.DataType(call.integer("to", 0)))


def lower_cast_like(call: Call, b: Builder) -> ir.Value:
    """Convert to the dtype of the second operand."""
    return b.cast(call[0], dtype_of(call[1]))


def lower_mod(call: Call, b: Builder) -> ir.Value:
    """Remainder with the sign of the divisor, or of the dividend (`fmod`)."""
    x, y = call[0], call[1]
    if not call.integer("fmod", 0):
        if dtype_of(x) == ir.DataType.FLOAT:
            raise Refused("the remainder of floats needs fmod = 1")
        return _in_int32("FLOOR_MOD", b, lambda p, q: b.binary("FLOOR_MOD", p, q), x, y)
    if dtype_of(x) != ir.DataType.INT32 and dtype_of(x) not in _NARROW:
        raise Refused(f"fmod of {dtype_name(dtype_of(x))} has no exact form")

    def remainder(p: ir.Value, q: ir.Value) -> ir.Value:
        return b.binary("SUB", p, b.binary("MUL", b.binary("DIV", p, q), q))

    return _in_int32("DIV", b, remainder, x, y)


def lower_pow(call: Call, b: Builder) -> ir.Value:
    """Small constant exponents by cheaper operators, others by POW."""
    x, y = call[0], call[1]
    exponent = constant_of(y)
    if exponent is not None and exponent.size == 1 and len(shape_of(y)) <= len(shape_of(x)):
        match float(exponent.item()):
            case 1.0:
                return x
            case 2.0:
                return b.binary("MUL", x, x)
            case 3.0:
                return b.binary("MUL", b.binary("MUL", x, x), x)
            case 0.5 if dtype_of(x) == ir.DataType.FLOAT:
                return b.unary("SQRT", x)
    if exponent is not None and dtype_of(x) == ir.DataType.FLOAT:
        y = b.value(exponent.astype(np.float32))
    return b.binary("POW", x, y if dtype_of(y) == dtype_of(x) else b.cast(y, dtype_of(x)))


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


def lower_bitwise_not(call: Call, b: Builder) -> ir.Value:
    """Flip all bits."""
    ones = np.array(-1).astype(dtype_of(call[0]).numpy())
    return b.binary("BITWISE_XOR", call[0], ones)


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
    "BitwiseNot": lower_bitwise_not,
    "Cast": lower_cast,
    "CastLike": lower_cast_like,
    "Clip": lower_clip,
    "IsInf": lower_is_inf,
    "IsNaN": lower_is_nan,
    "LeakyRelu": lower_leaky_relu,
    "Mean": lower_mean,
    "Mod": lower_mod,
    "PRelu": lower_prelu,
    "Pow": lower_pow,
    "Where": lower_where,
}
