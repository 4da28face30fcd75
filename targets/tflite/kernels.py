"""What the LiteRT kernels really take: dtypes of the data operands and the highest rank, found by running them.

An operator is checked against its row when a dialect node of it is made, so that what a kernel would refuse at load
time, or answer wrongly, is refused before anything is emitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

_SHORT = {
    "f32": ir.DataType.FLOAT,
    "f64": ir.DataType.DOUBLE,
    "f16": ir.DataType.FLOAT16,
    "i8": ir.DataType.INT8,
    "i16": ir.DataType.INT16,
    "i32": ir.DataType.INT32,
    "i64": ir.DataType.INT64,
    "u8": ir.DataType.UINT8,
    "u16": ir.DataType.UINT16,
    "u32": ir.DataType.UINT32,
    "u64": ir.DataType.UINT64,
    "bool": ir.DataType.BOOL,
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """The reach of one kernel. `operand` is the one whose dtype and rank are looked at; None as rank means any."""

    dtypes: frozenset[ir.DataType]
    max_rank: int | None = None
    operand: int = 0


def _kernel(dtypes: str, max_rank: int | None = None, operand: int = 0) -> Kernel:
    return Kernel(frozenset(_SHORT[short] for short in dtypes.split()), max_rank, operand)


_FLOAT = _kernel("f32")
_ANY = "f32 f16 i8 i16 i32 i64 u8 u16 u32 bool"
_MOVES = "f32 f16 i8 i16 i32 i64 u8 bool"

KERNELS: dict[str, Kernel] = {
    **dict.fromkeys(("CEIL", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOG_SOFTMAX"), _FLOAT),
    **dict.fromkeys(
        ("LOGISTIC", "RELU", "RELU6", "RELU_N1_TO_1", "RSQRT", "SOFTMAX", "SQRT", "SQUARE", "TANH"), _FLOAT
    ),
    **dict.fromkeys(("COS", "FLOOR", "ROUND", "SIN"), _FLOAT),
    **dict.fromkeys(("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "L2_NORMALIZATION"), _kernel("f32", 4)),
    **dict.fromkeys(("LOCAL_RESPONSE_NORMALIZATION", "MAX_POOL_2D", "RESIZE_BILINEAR"), _kernel("f32", 4)),
    **dict.fromkeys(("LOGICAL_AND", "LOGICAL_OR"), _kernel("bool", 6)),
    **dict.fromkeys(("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), _kernel("f32 i32 i64", 6)),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL"), _kernel("f32 i32 i64 bool", 6)),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), _kernel("f32 i8 i16 i32 i64 u8", 6)),
    **dict.fromkeys(("BITWISE_XOR", "RIGHT_SHIFT"), _kernel("i8 i16 i32 u8 u16 u32", 6)),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"), _kernel("f32 i8 i16 i32 i64 u8", 6)),
    **dict.fromkeys(("REDUCE_ALL", "REDUCE_ANY"), _kernel("bool", 6)),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _kernel("f32 i8 i32 u8 bool")),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), _kernel(_ANY, 5)),
    "ABS": _kernel("f32 i32"),
    "ADD": _kernel("f32 i32 i64", 6),
    "ATAN2": _FLOAT,
    "BATCH_MATMUL": _kernel("f32", 5),
    "BROADCAST_TO": _kernel(_ANY + " u64 f64", 8),
    "CAST": _kernel(_ANY + " f64"),
    "CONCATENATION": _kernel("f32 i8 i16 i32 i64 u8 u32 bool", 6),
    "CONV_3D": _kernel("f32", 5),
    "CONV_3D_TRANSPOSE": _kernel("f32", 5, operand=2),
    "CUMSUM": _kernel("f32 i32 i64"),
    "DEPTH_TO_SPACE": _kernel("f32 i8 i32 i64 u8", 4),
    "DEQUANTIZE": _kernel("f16 i8 i16 u8"),
    "BITCAST": _kernel(_ANY + " u64 f64"),
    "FILL": _kernel("f32 f16 i8 i16 i32 i64 bool", operand=1),
    "DIV": _kernel("f32 i32", 6),
    "FLOOR_DIV": _kernel("f32 i8 i16 i32", 6),
    "FLOOR_MOD": _kernel("f32 i8 i16 i32 i64", 6),
    "FULLY_CONNECTED": _kernel("f32", 6),
    "GATHER": _kernel(_MOVES),
    "GATHER_ND": _kernel(_MOVES),
    "LOGICAL_NOT": _kernel("bool"),
    "MEAN": _kernel("f32", 6),
    "MIRROR_PAD": _kernel(_ANY),
    "MUL": _kernel("f32 i32 i64 u32", 6),
    "NEG": _kernel("f32 i8 i16 i32 i64"),
    "NON_MAX_SUPPRESSION_V4": _FLOAT,
    "ONE_HOT": _kernel("i32 i64"),
    "PACK": _kernel("f32 i8 i16 i32 i64 u8 u32", 5),
    "PAD": _kernel("f32 i8 i16 i32 i64 u8", 5),
    "PADV2": _kernel("f32 i8 i16 i32 i64 u8", 5),
    "POW": _kernel("f32", 6),
    "PRELU": _kernel("f32", 4),
    "QUANTIZE": _kernel("f32 i8 i16 u8"),
    "RESHAPE": _kernel(_ANY + " u64 f64"),
    "RESIZE_NEAREST_NEIGHBOR": _kernel("f32 i8 u8", 4),
    "REVERSE_SEQUENCE": _kernel("f32 i16 i32 i64 u8"),
    "REVERSE_V2": _kernel(_MOVES, 8),
    "SCATTER_ND": _kernel("f32 i8 i32 i64 u8 bool", operand=1),
    "SELECT_V2": _kernel("f32 i8 i16 i32 i64 u8 u32 bool", 6, operand=1),
    "SIGN": _kernel("f32 i32"),
    "SPACE_TO_DEPTH": _kernel("f32 i8 i32 i64 u8", 4),
    "SPLIT": _kernel("f32 i8 i16 i32 i64 u8", 6, operand=1),
    "SPLIT_V": _kernel("f32 i8 i16 i32 i64 u8", 6),
    "SQUARED_DIFFERENCE": _kernel("f32 i32", 6),
    "SUB": _kernel("f32 i32 i64", 6),
    "SUM": _kernel("f32 i32 i64", 6),
    "TILE": _kernel(_ANY, 8),
    "TOPK_V2": _kernel("f32 i8 i16 i32 i64 u8"),
    "TRANSPOSE": _kernel(_MOVES, 6),
    "TRANSPOSE_CONV": _kernel("f32", 4, operand=2),
    "UNPACK": _kernel("f32 i8 i16 i32 u8 bool"),
    "WHERE": _kernel("bool"),
}

BROADCAST_RANK: dict[str, int] = {
    **dict.fromkeys(("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"), 4),
    **dict.fromkeys(("BITWISE_XOR", "FLOOR_MOD", "LOGICAL_AND", "LOGICAL_OR", "POW", "RIGHT_SHIFT"), 4),
    "SQUARED_DIFFERENCE": 4,
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "SELECT_V2"), 5),
}
"""Up to which rank the first LiteRT broadcasts operands of different shapes; beyond it ends the process."""
