"""What is constant in a graph, and worth being one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_array, constant_tensor, is_op, result_bytes, static_shape
from .evaluate import RANDOM, Array, evaluate

_STORAGE: Final = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
"""Integers with their scales are how a quantized model is stored; computed, they would be floats."""

SMALL_BYTES: Final = 64 * 1024
"""A result up to this size is always worth more than its node; a larger one must not be larger than its operands."""

LARGEST_BYTES: Final = 64 * 1024 * 1024
"""What a target cannot say is computed even where that makes the model larger, up to this size: that of the weights of
a large model for small devices. A constant beyond it (a mask of 30,000 × 30,000) is better refused by the target."""

_SPREADING: Final = (
    "Expand", "Tile", "ConstantOfShape", "Range", "Resize", "Upsample", "OneHot", "EyeLike", "Pad",
)  # fmt: skip
"""They make much of little."""


def computed(node: ir.Node, opsets: Mapping[str, int], limit_bytes: int) -> list[Array] | None:
    """Give the results of a node that depends on constants alone, None when it does not, or better stays a node.

    It stays when the results would take more than `limit_bytes` and more than what they are made of.
    """
    if node.domain == "" and node.op_type in ("Shape", "Size"):
        return _of_shape(node)
    if is_op(node, "Constant"):
        return _of_constant(node)
    if is_op(node, *_STORAGE) or node.op_type in RANDOM or _has_body(node):
        return None
    tensors = [constant_tensor(value) for value in node.inputs if value is not None]
    if any(tensor is None or tensor.dtype == ir.DataType.STRING for tensor in tensors):
        return None
    given_bytes = sum(tensor.nbytes for tensor in tensors if tensor is not None)
    size_bytes = _result_bytes(node)
    if size_bytes is None and (given_bytes > SMALL_BYTES or is_op(node, *_SPREADING)):
        return None
    if size_bytes is not None and size_bytes > max(limit_bytes, given_bytes):
        return None
    arrays = [constant_tensor(value) for value in node.inputs]
    results = evaluate(node, [None if tensor is None else tensor.numpy() for tensor in arrays], opsets)
    if results is None or not all(map(_has_dtype, node.outputs, results)):
        return None
    return results


def _of_shape(node: ir.Node) -> list[Array] | None:
    value = node.inputs[0]
    if value is None or value.shape is None:
        return None
    if node.op_type == "Size":
        shape = static_shape(value)
        return None if shape is None else [np.array(math.prod(shape), np.int64)]
    start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", len(value.shape))
    sizes = [*value.shape][start:end]
    if not all(isinstance(size, int) for size in sizes):
        return None
    return [np.array(sizes, np.int64)]


def _of_constant(node: ir.Node) -> list[Array] | None:
    ((name, attribute),) = node.attributes.items()
    if name == "value":
        return [attribute.as_tensor().numpy()]
    if name in ("value_int", "value_ints"):
        return [np.array(attribute.value, np.int64)]
    if name in ("value_float", "value_floats"):
        return [np.array(attribute.value, np.float32)]
    return None


def _has_body(node: ir.Node) -> bool:
    return any(
        attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for attribute in node.attributes.values()
    )


def _has_dtype(value: ir.Value, array: Array) -> bool:
    """The reference computes some operators in a dtype of NumPy's choice."""
    return not value.name or value.dtype is None or ir.DataType.from_numpy(array.dtype) == value.dtype


def _result_bytes(node: ir.Node) -> int | None:
    if is_op(node, "Range"):  # the inference wants its operands to be scalars, ONNX's own definitions do not
        start, limit, delta = (np.asarray(constant_array(value), np.float64).item() for value in node.inputs)
        return math.ceil(max((limit - start) / delta, 0)) * 8 if delta and math.isfinite(limit - start) else None
    return result_bytes(node)
