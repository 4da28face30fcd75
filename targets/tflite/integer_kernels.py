"""What the LiteRT kernels take of integers that stand for reals, found by running them.

The rows of `kernels.py` are about plain integers; a kernel may know the one kind and not the other, or treat them
differently. A value that has a grid is checked against the rows here.
"""

from __future__ import annotations

import onnx_ir as ir

from .kernels import Kernel

_SHORT = {"i4": ir.DataType.INT4, "i8": ir.DataType.INT8, "i16": ir.DataType.INT16, "u8": ir.DataType.UINT8}
_BOTH = "i8 i16"


def _kernel(dtypes: str, max_rank: int | None = None, operand: int = 0) -> Kernel:
    return Kernel(frozenset(_SHORT[short] for short in dtypes.split()), max_rank, operand)


INTEGER_KERNELS: dict[str, Kernel] = {
    **dict.fromkeys(("ELU", "EXP", "GELU", "HARD_SWISH", "LOG", "LOG_SOFTMAX", "RSQRT"), _kernel("i8")),
    **dict.fromkeys(("ABS", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6", "SOFTMAX", "TANH"), _kernel(_BOTH)),
    **dict.fromkeys(("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"), _kernel(_BOTH, 4)),
    **dict.fromkeys(("ADD", "MAXIMUM", "MINIMUM", "MUL", "SUB", "MEAN", "REDUCE_MAX", "REDUCE_MIN"), _kernel(_BOTH, 6)),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), _kernel(_BOTH, 5)),
    **dict.fromkeys(("PAD", "PADV2", "PACK"), _kernel(_BOTH, 5)),
    **dict.fromkeys(("GATHER", "GATHER_ND"), _kernel(_BOTH)),
    **dict.fromkeys(("BROADCAST_TO", "REVERSE_V2", "TILE"), _kernel(_BOTH, 8)),
    **dict.fromkeys(("CONCATENATION", "SPLIT_V"), _kernel(_BOTH, 6)),
    **dict.fromkeys(("DEPTH_TO_SPACE", "L2_NORMALIZATION", "PRELU", "SPACE_TO_DEPTH"), _kernel("i8", 4)),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _kernel(_BOTH, 4)),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "MIRROR_PAD", "UNPACK"), _kernel("i8")),
    **dict.fromkeys(("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"), _kernel("i8", 4)),
    "BATCH_MATMUL": _kernel(_BOTH, 5),
    "DEQUANTIZE": _kernel("i4 i8 i16 u8"),
    "FULLY_CONNECTED": _kernel(_BOTH, 6),
    "QUANTIZE": _kernel("i8 i16 u8"),
    "RESHAPE": _kernel("i8 i16 u8"),
    "RELU_N1_TO_1": _kernel("i8"),
    "SELECT_V2": _kernel(_BOTH, 6, operand=1),
    "SPLIT": _kernel(_BOTH, 6, operand=1),
    "SQUARED_DIFFERENCE": _kernel("i8", 6),
    "SUM": _kernel("i8", 6),
    "TOPK_V2": _kernel(_BOTH),
    "TRANSPOSE": _kernel("i8 i16 u8", 6),
    "TRANSPOSE_CONV": _kernel(_BOTH, 4, operand=2),
}
