"""What the LiteRT kernels really take: dtypes of the data operands and the highest rank, found by running them.

An operator is checked against its row when a dialect node of it is made, so that what a kernel would refuse at load
time, or answer wrongly, is refused before anything is emitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

_SHORT = {
    "f32": ir.DataType.FLOAT,
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

KERNELS: dict[str, Kernel] = {
    "ADD": _kernel("f32 i32 i64", 6),
    "AVERAGE_POOL_2D": _kernel("f32", 4),
    "BATCH_MATMUL": _kernel("f32", 5),
    "CAST": _kernel("f32 f16 i8 i16 i32 i64 u8 u16 u32 bool"),
    "CONCATENATION": _kernel("f32 i8 i16 i32 i64 u8 u32 bool"),
    "CONV_2D": _kernel("f32", 4),
    "DEPTHWISE_CONV_2D": _kernel("f32", 4),
    "DEQUANTIZE": _kernel("f16"),
    "EXP": _FLOAT,
    "FULLY_CONNECTED": _FLOAT,
    "GELU": _FLOAT,
    "GATHER": _kernel("f32 i8 i16 i32 i64 u8 bool"),
    "LOGISTIC": _FLOAT,
    "MAX_POOL_2D": _kernel("f32", 4),
    "MEAN": _kernel("f32 i32 i64"),
    "MUL": _kernel("f32 i32 i64", 6),
    "PAD": _kernel("f32 i32 i64", 5),
    "PADV2": _kernel("f32 i32 i64", 5),
    "RELU": _FLOAT,
    "RELU6": _FLOAT,
    "RELU_N1_TO_1": _FLOAT,
    "RESHAPE": _kernel("f32 f16 i8 i16 i32 i64 u8 u32 bool"),
    "RSQRT": _FLOAT,
    "SOFTMAX": _FLOAT,
    "SQRT": _FLOAT,
    "STRIDED_SLICE": _kernel("f32 i8 i16 i32 i64 u8 u32 bool", 5),
    "SUB": _kernel("f32 i32 i64", 6),
    "SUM": _kernel("f32 i32 i64"),
    "TANH": _FLOAT,
    "TRANSPOSE": _kernel("f32 i8 i16 i32 i64 u8 bool", 6),
}
