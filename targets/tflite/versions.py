"""Which version of an operator a node needs, and which TFLite runtime first had it.

Facts of TensorFlow Lite's own release record: an interpreter refuses a version that it does not know, so a node is
stamped with the lowest version that has what the node uses.
"""

from __future__ import annotations

import onnx_ir as ir

from .dialect import dtype_of, integer, operand, shape_of
from .quantization import grid_of, has_grid

_I8, _I16, _I32, _I64 = ir.DataType.INT8, ir.DataType.INT16, ir.DataType.INT32, ir.DataType.INT64
_U8, _U16, _U32, _BOOL = ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.BOOL
_F16 = ir.DataType.FLOAT16

_BY_DTYPE: dict[str, dict[ir.DataType, int]] = {
    "ABS": {_I32: 5, _I16: 4, _I8: 2, _U8: 2},
    "ADD": {_I64: 4, _I16: 5, _I8: 2},
    "ARG_MAX": {_I8: 2, _BOOL: 3},
    "ARG_MIN": {_I8: 2, _BOOL: 3},
    "AVERAGE_POOL_2D": {_I8: 2, _I16: 3},
    "BATCH_MATMUL": {_I8: 2, _I16: 3},
    "BROADCAST_TO": {_I8: 3, _I16: 3},
    "CONCATENATION": {_I8: 2, _I16: 3, _U32: 4},
    "DEPTH_TO_SPACE": {_I8: 2},
    "DEQUANTIZE": {_F16: 3, _I16: 3, _I8: 2},
    "EQUAL": {_I8: 2, _I16: 5},
    "EXP": {_I8: 2, _I16: 2},
    "FLOOR_DIV": {ir.DataType.FLOAT: 2, _I16: 3, _I8: 3},
    "FLOOR_MOD": {_I16: 2, _I8: 2},
    "GATHER": {_I8: 2, _BOOL: 3, _I16: 4},
    "GATHER_ND": {_I16: 3, _BOOL: 5},
    "GELU": {_I8: 2},
    "GREATER": {_I8: 2},
    "GREATER_EQUAL": {_I8: 2, _I16: 3},
    "L2_NORMALIZATION": {_I8: 2},
    "LEAKY_RELU": {_I16: 2},
    "LESS": {_I8: 2, _I16: 3},
    "LESS_EQUAL": {_I8: 2},
    "LOG": {_I8: 2, _I16: 2},
    "LOGISTIC": {_I8: 2, _I16: 3},
    "LOG_SOFTMAX": {_I8: 2},
    "MAX_POOL_2D": {_I8: 2, _I16: 3},
    "MEAN": {_I8: 2, _I16: 3},
    "MIRROR_PAD": {_I8: 2, _I16: 3},
    "MUL": {_I64: 5, _I16: 7, _U32: 7, _I8: 2},
    "NOT_EQUAL": {_I8: 2, _I16: 4},
    "PACK": {_I8: 2, _I16: 3, _U32: 4},
    "RANGE": {_I64: 2},
    "REDUCE_MAX": {_I8: 2, _I16: 3},
    "REDUCE_MIN": {_I8: 2, _I16: 3},
    "REDUCE_PROD": {_I8: 2, _I16: 2},
    "RELU": {_I8: 2, _I16: 3},
    "RELU6": {_I8: 2, _I16: 3},
    "REVERSE_V2": {_BOOL: 2, _I8: 3},
    "RSQRT": {_I8: 2, _I16: 3},
    "SIGN": {_I32: 2},
    "SOFTMAX": {_I8: 2, _I16: 3},
    "SPACE_TO_DEPTH": {_I8: 2},
    "SPLIT_V": {_I8: 2},
    "SQUARED_DIFFERENCE": {_I8: 2},
    "SUM": {_I8: 2},
    "TANH": {_I8: 2, _I16: 3},
    "TILE": {_I8: 3},
    "TOPK_V2": {_I8: 2, _I16: 3},
    "UNPACK": {_I8: 2, _U8: 2, _BOOL: 3, _I16: 4},
}
"""Version by the dtype of the first operand, 1 where nothing is said."""

_SINCE: dict[str, str] = {
    "ABS": "1.13.0 2.4.0 2.5.0 2.6.0 2.12.0",
    "ADD": "1.5.0 1.14.0 2.4.0 2.6.0 2.13.0",
    "ARG_MAX": "1.9.0 1.14.0 2.9.0",
    "ARG_MIN": "1.9.0 1.14.0 2.9.0",
    "ATAN2": "2.10.0",
    "AVERAGE_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "BATCH_MATMUL": "2.3.0 2.3.0 2.4.0 2.5.0",
    "BATCH_TO_SPACE_ND": "1.6.0 1.14.0 2.3.0",
    "BITCAST": "2.13.0",
    "BITWISE_XOR": "2.13.0",
    "BROADCAST_TO": "2.5.0 2.5.0 2.5.0",
    "CAST": "1.5.0 2.7.0 2.8.0 2.9.0 2.12.0",
    "CEIL": "1.14.0",
    "CONCATENATION": "1.5.0 1.14.0 2.3.0 2.14.0",
    "CONV_2D": "1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0",
    "CONV_3D": "2.5.0",
    "CONV_3D_TRANSPOSE": "2.6.0",
    "COS": "1.14.0",
    "CUMSUM": "2.4.0",
    "DEPTHWISE_CONV_2D": "1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0",
    "DEPTH_TO_SPACE": "2.1.0 2.5.0",
    "DEQUANTIZE": "1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0",
    "DIV": "1.6.0 2.3.0",
    "ELU": "1.14.0",
    "EQUAL": "1.14.0 1.14.0 2.3.0 2.13.0 2.21.0",
    "EXP": "1.7.0 2.12.0",
    "FILL": "1.13.0 2.3.0 2.5.0",
    "FLOOR": "1.9.0",
    "FLOOR_DIV": "1.14.0 1.14.0 2.13.0",
    "FLOOR_MOD": "1.13.0 2.13.0",
    "FULLY_CONNECTED": "1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 2.15.0 2.17.0 2.18.0",
    "GATHER": "1.6.0 1.14.0 1.15.0 2.4.0 2.5.0",
    "GATHER_ND": "1.14.0 2.3.0 2.5.0 2.13.0 2.16.0",
    "GELU": "2.9.0 2.9.0",
    "GREATER": "1.14.0 1.14.0",
    "GREATER_EQUAL": "1.14.0 1.14.0 2.13.0",
    "HARD_SWISH": "1.15.0",
    "L2_NORMALIZATION": "1.5.0 1.14.0",
    "LEAKY_RELU": "1.13.1 2.3.0",
    "LESS": "1.14.0 1.14.0 2.13.0",
    "LESS_EQUAL": "1.14.0 1.14.0",
    "LOCAL_RESPONSE_NORMALIZATION": "1.5.0",
    "LOG": "1.14.0 2.15.0",
    "LOGICAL_AND": "1.11.0",
    "LOGICAL_NOT": "1.11.0",
    "LOGICAL_OR": "1.11.0",
    "LOGISTIC": "1.14.0 1.14.0 2.3.0",
    "LOG_SOFTMAX": "1.14.0 1.14.0",
    "MAXIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MAX_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "MEAN": "1.6.0 1.14.0 2.4.0",
    "MINIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MIRROR_PAD": "1.13.1 2.3.0 2.12.0",
    "MUL": "1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0",
    "NEG": "1.9.0",
    "NON_MAX_SUPPRESSION_V4": "2.1.0",
    "NOT_EQUAL": "1.14.0 1.14.0 2.3.0 2.21.0",
    "ONE_HOT": "1.11.0",
    "PACK": "1.11.0 1.14.0 2.3.0 2.14.0",
    "PAD": "1.5.0 1.14.0 2.4.0 2.6.0",
    "PADV2": "1.9.0 1.14.0 2.4.0 2.6.0",
    "POW": "1.10.0",
    "PRELU": "1.8.0",
    "QUANTIZE": "1.14.0 1.15.0 2.7.0",
    "RANGE": "1.13.0 2.14.0",
    "REDUCE_ALL": "2.6.0",
    "REDUCE_ANY": "1.11.0",
    "REDUCE_MAX": "1.11.0 1.14.0 2.5.0",
    "REDUCE_MIN": "1.11.0 1.14.0 2.5.0",
    "REDUCE_PROD": "1.11.0 2.6.0",
    "RELU": "1.5.0 2.1.0 2.5.0",
    "RELU6": "1.5.0 1.14.0 2.5.0",
    "RELU_0_TO_1": "2.10.0",
    "RELU_N1_TO_1": "1.5.0",
    "RESHAPE": "1.5.0",
    "RESIZE_BILINEAR": "1.7.0 1.14.0 2.2.0 2.5.0",
    "RESIZE_NEAREST_NEIGHBOR": "1.13.1 1.14.0 2.3.0 2.4.0",
    "REVERSE_SEQUENCE": "1.14.0",
    "REVERSE_V2": "1.14.0 2.2.0 2.5.0",
    "RIGHT_SHIFT": "2.13.0",
    "ROUND": "1.14.0",
    "RSQRT": "1.10.0 2.5.0 2.15.0",
    "SCATTER_ND": "2.1.0",
    "SELECT": "1.14.0 1.14.0 2.12.0",
    "SELECT_V2": "2.2.0 2.12.0",
    "SIGN": "2.11.0 2.12.0",
    "SIN": "1.9.0",
    "SLICE": "1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0",
    "SOFTMAX": "1.5.0 1.14.0 2.3.0",
    "SPACE_TO_BATCH_ND": "1.6.0 1.14.0 2.3.0",
    "SPACE_TO_DEPTH": "1.5.0 1.14.0",
    "SPLIT": "1.5.0 1.14.0 1.14.0 2.3.0",
    "SPLIT_V": "1.13.1 2.3.0",
    "SQRT": "1.10.0",
    "SQUARE": "1.12.0",
    "SQUARED_DIFFERENCE": "1.13.1 2.5.0",
    "STRIDED_SLICE": "1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0",
    "SUB": "1.6.0 1.14.0 2.3.0 2.4.0 2.4.0",
    "SUM": "1.10.0 1.15.0",
    "TANH": "1.14.0 1.14.0 2.3.0",
    "TILE": "1.10.1 2.2.0 2.8.0",
    "TOPK_V2": "1.7.0 1.14.0 2.13.0",
    "TRANSPOSE": "1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0",
    "TRANSPOSE_CONV": "1.9.0 2.2.0 2.3.0 2.13.0",
    "UNPACK": "1.11.0 1.14.0 2.2.0 2.3.0",
    "WHERE": "1.14.0 2.8.0",
}
"""The TFLite release that first had version 1, 2, … of an operator."""


def operator_version(node: ir.Node) -> int:
    """Give the lowest version of the operator that has what this dialect node uses."""
    operands = [value for value in node.inputs if value is not None]
    name = node.op_type
    dtype = dtype_of(operands[0]) if operands else ir.DataType.UNDEFINED
    rank = max((len(shape_of(value)) for value in operands), default=0)
    broadcast = len({shape_of(value) for value in operands[:2]}) > 1
    if any(has_grid(value) for value in operands):
        version = _version_on_grids(node, dtype)
        if version is not None:
            return version
    match name:
        case "CAST":
            return _cast_version({dtype, dtype_of(node.outputs[0])})
        case "CONV_2D":
            return 6 if shape_of(operands[0])[-1] != shape_of(operands[1])[-1] else 1
        case "DEPTHWISE_CONV_2D":
            return 2 if integer(node, "dilation_w_factor") > 1 or integer(node, "dilation_h_factor") > 1 else 1
        case "BROADCAST_TO":
            return _BY_DTYPE[name].get(dtype, 2)
        case "DIV":
            return 2 if broadcast and rank > 4 else 1
        case "FILL":
            return {_I8: 3, _I16: 3, _BOOL: 2}.get(dtype_of(operands[1]), 1)
        case "FULLY_CONNECTED":
            return 6 if len(operands) == 2 else 5 if integer(node, "keep_num_dims") else 1
        case "GATHER" if integer(node, "batch_dims"):
            return 5
        case "MAXIMUM" | "MINIMUM":
            return 4 if dtype == _I16 else 3 if broadcast and rank > 4 else 2 if dtype == _I8 else 1
        case "PAD" | "PADV2":
            return 4 if rank > 4 else {_I16: 3, _I8: 2}.get(dtype, 1)
        case "QUANTIZE":
            return 2 if dtype_of(node.outputs[0]) == _I16 else 1
        case "RESIZE_BILINEAR":
            return 3 if integer(node, "half_pixel_centers") else {_I8: 2}.get(dtype, 1)
        case "RESIZE_NEAREST_NEIGHBOR":
            return 3 if integer(node, "half_pixel_centers") or integer(node, "align_corners") else 1
        case "SELECT":
            return 3 if rank == 5 else 1
        case "SLICE":
            return 6 if dtype == _U32 else 5 if rank > 4 else {_I16: 4, _I8: 2}.get(dtype, 1)
        case "SPACE_TO_BATCH_ND" | "BATCH_TO_SPACE_ND":
            return 3 if rank != 4 else 1
        case "SPLIT":
            return {_I16: 4, _I32: 3, _I8: 2}.get(dtype_of(operands[1]), 1)
        case "STRIDED_SLICE":
            return 7 if dtype == _U32 else 4 if rank > 4 else {_BOOL: 3, _I8: 2}.get(dtype, 1)
        case "SUB":
            return 4 if dtype == _I64 else 3 if broadcast and rank > 4 else 1
        case "TRANSPOSE":
            return 6 if rank > 5 else {_I16: 5}.get(dtype, 4 if rank > 4 else {_BOOL: 3, _I8: 2}.get(dtype, 1))
        case "TRANSPOSE_CONV":
            return 4 if node.attributes.get("fused_activation_function") else 3 if len(operands) == 4 else 1
        case "WHERE":
            return 1 if dtype == _BOOL else 2
        case _:
            return _BY_DTYPE.get(name, {}).get(dtype, 1)


_HYBRID = {"CONV_2D": (2, 5), "FULLY_CONNECTED": (9, 12)}
"""Versions of kernels that take float activations with int8 weights of one scale, and of one a channel."""


def _version_on_grids(node: ir.Node, dtype: ir.DataType) -> int | None:
    """Give the version for integers that stand for reals, where it is not that for plain ones."""
    wide = dtype == _I16
    grouped = node.op_type == "CONV_2D" and shape_of(operand(node, 0))[-1] != shape_of(operand(node, 1))[-1]
    if dtype == ir.DataType.FLOAT and node.op_type in _HYBRID and not grouped:
        return _HYBRID[node.op_type][len(grid_of(operand(node, 1)).scales) > 1]
    match node.op_type:
        case "ABS" if wide:
            return 3
        case "ADD" if wide:
            return 3
        case "CONV_2D":
            return 6 if grouped else 4 if wide else 3
        case "DEPTHWISE_CONV_2D":
            return 5 if wide else 3
        case "DEQUANTIZE" if dtype == ir.DataType.INT4:
            return 6
        case "DEQUANTIZE" if len(grid_of(operand(node, 0)).scales) > 1:
            return 5
        case "FULLY_CONNECTED" if len(grid_of(operand(node, 1)).scales) > 1:
            return 12  # kernels older than this version take one scale for all, without a word
        case "FULLY_CONNECTED":
            return 7 if wide else 6 if len(node.inputs) == 2 else 5 if integer(node, "keep_num_dims") else 4
        case "MUL" if wide:
            return 4
        case "MUL":
            factor = grid_of(operand(node, 0)).scale * grid_of(operand(node, 1)).scale / grid_of(node.outputs[0]).scale
            return 3 if factor >= 1 else 2
        case "RESIZE_BILINEAR" | "RESIZE_NEAREST_NEIGHBOR" if wide:
            return 4
        case "SUB":
            return 5 if wide else 2
        case _:
            return None


def _cast_version(dtypes: set[ir.DataType]) -> int:
    for version, reason in ((5, {_F16, ir.DataType.DOUBLE}), (4, {_U16}), (3, {_I8}), (2, {_U32})):
        if dtypes & reason:
            return version
    return 1


def minimum_runtime(versions: dict[str, int]) -> str:
    """Give the first TFLite release that has every operator (name → highest version) of a model."""
    releases = [_SINCE[name].split()[version - 1] for name, version in versions.items()]
    return max(releases, key=lambda release: tuple(map(int, release.split("."))), default="1.5.0")
