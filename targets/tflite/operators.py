"""Facts about the dialect's operators that more than one pass needs."""

from __future__ import annotations

UNARY = frozenset(
    {
        "ABS",
        "CAST",
        "CEIL",
        "COS",
        "DEQUANTIZE",
        "ELU",
        "EXP",
        "FLOOR",
        "GELU",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGICAL_NOT",
        "LOGISTIC",
        "NEG",
        "QUANTIZE",
        "RELU",
        "RELU6",
        "RELU_0_TO_1",
        "RELU_N1_TO_1",
        "ROUND",
        "RSQRT",
        "SIGN",
        "SIN",
        "SQRT",
        "SQUARE",
        "TANH",
    }
)
"""Element by element, one operand."""

BINARY = frozenset(
    {
        "ADD",
        "ATAN2",
        "BITWISE_XOR",
        "DIV",
        "EQUAL",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "GREATER",
        "GREATER_EQUAL",
        "LESS",
        "LESS_EQUAL",
        "LOGICAL_AND",
        "LOGICAL_OR",
        "MAXIMUM",
        "MINIMUM",
        "MUL",
        "NOT_EQUAL",
        "POW",
        "PRELU",
        "RIGHT_SHIFT",
        "SQUARED_DIFFERENCE",
        "SUB",
    }
)
"""Element by element, two operands that broadcast."""

ELEMENTWISE = UNARY | BINARY | {"SELECT_V2"}

REDUCERS = frozenset({"MEAN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM"})
"""Reduce operand 0 over the axes in operand 1."""

LAST_AXIS = frozenset({"FULLY_CONNECTED", "L2_NORMALIZATION", "LOG_SOFTMAX", "SOFTMAX"})
"""Work along the last axis alone; the axes before it can lie in any order."""

ACTIVATIONS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1"})
"""Activations that other operators can take in as `fused_activation_function`."""

FUSE_ACTIVATION = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DIV",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MUL",
        "SUB",
    }
)
"""Operators whose float kernels apply a fused activation."""
