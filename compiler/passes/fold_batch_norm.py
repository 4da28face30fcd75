"""FoldBatchNorm: batch normalization with fixed statistics is a multiplication and an addition."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from .base import Pass
from .editing import Array, Editor, all_nodes, constant_array, is_op, only_user, remove_unneeded


class FoldBatchNorm(Pass):
    """Moves BatchNormalization into the Conv, ConvTranspose or Gemm before it; one alone becomes Mul and Add.

    `scale / sqrt(variance + epsilon)` is computed in float64 and rounded once, so the folded model is at most a
    rounding of the weights away from the original.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Fold each one whose statistics are constants and that does not train."""
        editor, changed = Editor(model), False
        for node in all_nodes(model):
            training = node.attributes.get_int("training_mode", 0) if is_op(node, "BatchNormalization") else 1
            if training:
                continue
            if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
                continue
            factors = _factors(node)
            source = node.inputs[0]
            if factors is None or source is None:
                continue
            before = source.producer()
            if before is not None and only_user(source) is node and before.graph is node.graph:
                changed |= _into(editor, before, node, *factors) or _alone(editor, node, *factors)
            else:
                changed |= _alone(editor, node, *factors)
        return changed


def _factors(node: ir.Node) -> tuple[Array, Array] | None:
    """The factor and the summand of each channel, float64[C]."""
    scale, bias, mean, variance = (constant_array(value) for value in node.inputs[1:5])
    if scale is None or bias is None or mean is None or variance is None:
        return None
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    factor = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return factor, bias.astype(np.float64) - mean.astype(np.float64) * factor


def _into(editor: Editor, before: ir.Node, node: ir.Node, factor: Array, summand: Array) -> bool:
    if not is_op(before, "Conv", "ConvTranspose", "Gemm"):
        return False
    weight = constant_array(before.inputs[1])
    has_bias = len(before.inputs) > 2 and before.inputs[2] is not None
    bias = constant_array(before.inputs[2]) if has_bias else np.zeros(1)
    if weight is None or bias is None or before.inputs[1] is None:
        return False
    scaled_bias = bias.astype(np.float64) * factor
    if is_op(before, "Conv"):
        scaled = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    elif is_op(before, "ConvTranspose"):
        groups = before.attributes.get_int("group", 1)
        channels_in, channels_out, *kernel = weight.shape
        grouped = weight.reshape(groups, channels_in // groups, channels_out, *kernel)
        spread = factor.reshape(groups, 1, channels_out, *[1] * len(kernel))
        scaled = (grouped * spread).reshape(weight.shape)
    else:
        if before.attributes.get_float("beta", 1.0) != 1.0 and has_bias:
            return False
        scaled = weight * (factor[:, None] if before.attributes.get_int("transB", 0) else factor)
    if scaled_bias.size != factor.size and scaled_bias.ndim > 1:
        return False
    rounded = _rounded(weight.dtype, scaled, scaled_bias + summand)
    if rounded is None:
        return False
    scaled, shifted = rounded
    stem = before.inputs[1].name or "weight"
    new_weight = editor.constant(scaled, f"{stem}/folded")
    new_bias = editor.constant(shifted, f"{stem}/folded_bias")
    attributes = dict(before.attributes)
    attributes.pop("beta", None)
    folded = editor.node(before, before.op_type, [before.inputs[0], new_weight, new_bias], like=node.outputs[0])
    made = folded.producer()
    assert made is not None
    made.attributes.update(attributes)
    editor.replace(node.outputs[0], folded)
    if remove_unneeded(before):
        made.name = before.name
    return True


def _alone(editor: Editor, node: ir.Node, factor: Array, summand: Array) -> bool:
    source = node.inputs[0]
    if source is None or source.shape is None or source.dtype is None:
        return False
    dtype = source.dtype.numpy()
    shape = (-1, *[1] * (len(source.shape) - 2))
    rounded = _rounded(dtype, factor.reshape(shape), summand.reshape(shape))
    if rounded is None:
        return False
    scaled, shifted = rounded
    name = node.name or "BatchNormalization"
    product = editor.node(node, "Mul", [source, editor.constant(scaled, f"{name}/factor")], like=source)
    total = editor.node(node, "Add", [product, editor.constant(shifted, f"{name}/summand")], like=node.outputs[0])
    editor.replace(node.outputs[0], total)
    return True


def _rounded(dtype: np.dtype[Any], *arrays: Array) -> list[Array] | None:
    """The arrays in this dtype; None when a value does not fit, which would turn finite outputs into infinite ones."""
    with np.errstate(over="ignore"):
        rounded = [array.astype(dtype) for array in arrays]
    return rounded if all(np.isfinite(array.astype(np.float32)).all() for array in rounded) else None
