"""Weights on a grid with a scale for each slice: the integers are computed with, and the results are scaled.

A file holds one scale for a constant, and TF.js computes nothing of constants ahead. Scales of slices are either
multiplied with the weights at every call, which has XNNPACK pack them anew each time, or with what comes out, which is
one pass over it. Measured on wasm: 5 to 14 ns for each weight against about 1 ns for each element and pass; a
MobileNetV2 takes 1.6 times as long as with floats by the first way alone, 1.04 times by the cheaper one for each layer.

A third way was tried and left: a graph that runs once when the model is first called (`modelInitializer`). It costs
nothing later, but its results die with the `tf.tidy` that most programs call a model in, and the second call fails.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import onnx_ir as ir

from ..tflite.dialect import constant_of, dtype_of, make_constant, operand, shape_of, text
from ..tflite.legalize.rewriter import Rewriter
from ..tflite.quantization import Quantization, dequantized, integers_of
from .stored import SLICES_WORTH

_WEIGHT_OVER_RESULT: Final = 4
"""How much more a weight costs that is scaled at every call than an element of the result, two passes taken."""
_GROWS_ALIKE: Final = frozenset({"NONE", "RELU"})
"""f(s · x) = s · f(x) for s > 0."""


def scale_results(rewriter: Rewriter) -> None:
    """Rewrite a dialect graph in place."""
    for node in rewriter.graph:
        if node.op_type in ("CONV_2D", "FULLY_CONNECTED"):
            _scale_result(rewriter, node)
        elif node.op_type == "GATHER":
            _scale_rows(rewriter, node)


def _by_slice(value: ir.Value) -> tuple[ir.Value, np.ndarray] | None:
    """Give the integers of a constant less their zero point, and the scale of each slice along axis 0."""
    known = integers_of(value)
    if known is None or known[1].axis != 0 or len(known[1].scales) == 1 or known[0].size < SLICES_WORTH:
        return None
    integers, grid = known
    return dequantized(integers, Quantization((1.0,), grid.zero_point), value.name), np.array(grid.scales, np.float32)


def _scale_result(rewriter: Rewriter, node: ir.Node) -> None:
    """Compute a layer with the integers of its weights, and scale its channels."""
    weight, out, b = operand(node, 1), node.outputs[0], rewriter.builder
    if math.prod(shape_of(weight)) * _WEIGHT_OVER_RESULT < math.prod(shape_of(out)):
        return
    shift = node.inputs[2] if len(node.inputs) > 2 else None
    bias, found = constant_of(shift), _by_slice(weight)
    if found is None or (shift is not None and bias is None):
        return
    integers, scales = found
    operands = [operand(node, 0), integers]
    if bias is not None:
        with np.errstate(over="ignore"):
            smaller = (bias / scales).astype(np.float32)
        if not np.isfinite(smaller).all():
            return
        operands.append(make_constant(smaller))
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    activation = text(node, "fused_activation_function", "NONE")
    inner = activation if activation in _GROWS_ALIKE else "RELU" if activation == "RELU6" else "NONE"
    attributes["fused_activation_function"] = inner
    y = b.op(node.op_type, operands, shape_of(out), dtype_of(out), **attributes)
    y = b.binary("MUL", y, scales)
    if activation == "RELU6":
        y = b.binary("MINIMUM", y, b.full(6.0, y))
    elif activation not in _GROWS_ALIKE:
        y = b.unary(activation, y)
    rewriter.replace(node, [y])


def _scale_rows(rewriter: Rewriter, node: ir.Node) -> None:
    """Pick rows of integers and their scales."""
    table, out, b = operand(node, 0), node.outputs[0], rewriter.builder
    found = _by_slice(table)
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    if found is None or attributes.get("axis", 0) or attributes.get("batch_dims", 0):
        return
    integers, scales = found
    places, width = operand(node, 1), len(shape_of(table)) - 1
    rows = b.op("GATHER", [integers, places], shape_of(out), dtype_of(out), **attributes)
    column = make_constant(scales.reshape(-1, *[1] * width))
    shape = (*shape_of(places), *[1] * width)
    rewriter.replace(
        node, [b.binary("MUL", rows, b.op("GATHER", [column, places], shape, dtype_of(out), **attributes))]
    )
