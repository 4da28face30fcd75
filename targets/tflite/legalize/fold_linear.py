"""Constant scales and biases behind a convolution or FULLY_CONNECTED go into its weights and bias."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import Array, constant_of, dtype_of, operand, shape_of, text
from .rewriter import Rewriter

_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""The axis of the weights that counts the output channels."""


def fold_scales(rewriter: Rewriter) -> None:
    """Fold MUL by constants that hold one number a channel, with the biases in between."""
    _fold_all(rewriter, frozenset({"ADD", "SUB", "MUL"}))


def fold_biases(rewriter: Rewriter) -> None:
    """Fold ADD and SUB of constants that hold one number a channel."""
    _fold_all(rewriter, frozenset({"ADD", "SUB"}))


def _fold_all(rewriter: Rewriter, operators: frozenset[str]) -> None:
    for node in rewriter.graph:
        if node.op_type in operators and text(node, "fused_activation_function", "NONE") == "NONE":
            _fold(rewriter, node)


def _fold(rewriter: Rewriter, node: ir.Node) -> None:
    first, second = operand(node, 0), operand(node, 1)
    if constant_of(first) is not None and node.op_type != "SUB":
        first, second = second, first
    linear, array = first.producer(), constant_of(second)
    if linear is None or array is None or linear.op_type not in _OUTPUT_AXIS:
        return
    out = linear.outputs[0]
    if len(out.uses()) > 1 or out.is_graph_output() or text(linear, "fused_activation_function", "NONE") != "NONE":
        return
    channels = shape_of(out)[-1]
    weight, bias = constant_of(linear.inputs[1]), _bias(linear, channels)
    vector = _per_channel(array, shape_of(out), shape_of(node.outputs[0]), channels)
    if weight is None or bias is None or vector is None:
        return
    operands: list[ir.Value | Array | None] = list(linear.inputs[:2])
    match node.op_type:
        case "MUL":
            axis = _OUTPUT_AXIS[linear.op_type]
            operands[1] = weight * np.expand_dims(vector, [other for other in range(weight.ndim) if other != axis])
            bias = bias * vector
        case "ADD":
            bias = bias + vector
        case _:
            bias = bias - vector
    attributes = {name: attribute.value for name, attribute in linear.attributes.items()}
    folded = rewriter.builder.op(linear.op_type, [*operands, bias], shape_of(out), dtype_of(out), **attributes)
    rewriter.replace(node, [folded])


def _bias(linear: ir.Node, channels: int) -> Array | None:
    if len(linear.inputs) < 3 or linear.inputs[2] is None:
        return np.zeros(channels, np.float32)
    return constant_of(linear.inputs[2])


def _per_channel(array: Array, shape: tuple[int, ...], result: tuple[int, ...], channels: int) -> Array | None:
    """Give one number for each channel, None when the constant differs along another axis or widens the result."""
    if result != shape or array.size not in (1, channels) or (array.size > 1 and array.shape[-1] != channels):
        return None
    return np.ascontiguousarray(np.broadcast_to(array.ravel(), (channels,)))
