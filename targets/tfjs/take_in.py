"""What TF.js's operators say beyond those of TFLite: explicit padding, more activations, bounds, a grid there and back.

These rewrites leave a dialect graph that TFLite could not run.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import onnx_ir as ir

from ..tflite.dialect import DOMAIN, constant_operand, dtype_of, is_constant, make_value, operand, shape_of, text
from ..tflite.legalize.rewriter import Rewriter
from .ops.convolution import EXPLICIT
from .ops.fused import CLIP, KERNELS_APPLY
from .ops.quantization import ROUND_TO_GRID

_CONVOLUTIONS: Final = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
_FUSE: Final = _CONVOLUTIONS | {"FULLY_CONNECTED"}


def take_in(rewriter: Rewriter) -> None:
    """Rewrite a dialect graph in place, behind all other rewrites."""
    for node in rewriter.graph:
        if node.op_type in _CONVOLUTIONS:
            _take_pad(rewriter, node)
        elif node.op_type in KERNELS_APPLY:
            _fuse(rewriter, node)
        elif node.op_type == "DEQUANTIZE":
            _round_to_grid(rewriter, node)
        elif node.op_type in ("MINIMUM", "MAXIMUM"):
            _clip(rewriter, node)
    rewriter.remove_dead()


def _take_pad(rewriter: Rewriter, node: ir.Node) -> None:
    """Let a VALID convolution pad by itself."""
    pad = operand(node, 0).producer()
    if (
        pad is None
        or pad.op_type != "PAD"
        or text(node, "padding", "SAME") != "VALID"
        or not is_constant(pad.inputs[1])
    ):
        return
    pads = constant_operand(pad, 1)
    if np.any(pads[[0, 3]]) or np.any(pads < 0):
        return
    explicit = [int(size) for size in pads[1:3].ravel()]
    attributes = {**_attributes(node), "padding": EXPLICIT, "explicit_paddings": explicit}
    out = node.outputs[0]
    made = rewriter.builder.op(
        node.op_type, [pad.inputs[0], *node.inputs[1:]], shape_of(out), dtype_of(out), **attributes
    )
    rewriter.replace(node, [made])


def _fuse(rewriter: Rewriter, node: ir.Node) -> None:
    """Let the node before apply an activation, where nobody else wants what comes between."""
    producer = operand(node, 0).producer()
    if producer is None or producer.op_type not in _FUSE:
        return
    out = producer.outputs[0]
    if len(out.uses()) > 1 or out.is_graph_output() or text(producer, "fused_activation_function", "NONE") != "NONE":
        return
    if node.op_type == "LEAKY_RELU" and producer.op_type == "DEPTHWISE_CONV_2D":
        return  # the reader does not hand its alpha on
    attributes = {**_attributes(producer), **_attributes(node), "fused_activation_function": node.op_type}
    made = rewriter.builder.op(producer.op_type, producer.inputs, shape_of(out), dtype_of(out), **attributes)
    rewriter.replace(node, [made])


def _round_to_grid(rewriter: Rewriter, node: ir.Node) -> None:
    """Join a QUANTIZE of reals and the DEQUANTIZE by the same grid behind it."""
    integers = operand(node, 0)
    quantizer = integers.producer()
    if quantizer is None or quantizer.op_type != "QUANTIZE" or "scale" not in node.attributes:
        return
    reals = operand(quantizer, 0)
    if dtype_of(reals) != ir.DataType.FLOAT or _attributes(quantizer) != _attributes(node):
        return
    point, limits = node.attributes["zero_point"].as_int(), np.iinfo(dtype_of(integers).numpy())
    attributes = [
        ir.AttrFloat32("scale", node.attributes["scale"].as_float()),
        ir.AttrInt64("low", int(limits.min) - point),
        ir.AttrInt64("high", int(limits.max) - point),
    ]
    _put(rewriter, node, ROUND_TO_GRID, reals, attributes)


def _clip(rewriter: Rewriter, node: ir.Node) -> None:
    """Say a bound that is one number as a CLIP, two of them behind one another as one."""
    out = node.outputs[0]
    places = [place for place in (0, 1) if is_constant(node.inputs[place])]
    if (
        len(places) != 1
        or dtype_of(out) != ir.DataType.FLOAT
        or shape_of(operand(node, 1 - places[0])) != shape_of(out)
    ):
        return
    bound = constant_operand(node, places[0])
    if bound.size != 1 or np.isnan(bound).any():
        return
    low, high, source = -math.inf, math.inf, operand(node, 1 - places[0])
    before = source.producer()
    if before is not None and before.op_type == CLIP and len(source.uses()) == 1 and not source.is_graph_output():
        low, high = before.attributes["low"].as_float(), before.attributes["high"].as_float()
        source = operand(before, 0)
    limit = max if node.op_type == "MAXIMUM" else min
    low, high = limit(low, float(bound.item())), limit(high, float(bound.item()))
    _put(rewriter, node, CLIP, source, [ir.AttrFloat32("low", low), ir.AttrFloat32("high", high)])


def _put(rewriter: Rewriter, node: ir.Node, operator: str, source: ir.Value | None, attributes: list[ir.Attr]) -> None:
    """Put an operator that TFLite has not in the place of a node."""
    out = node.outputs[0]
    result = make_value(None, shape_of(out), dtype_of(out))
    made = ir.Node(DOMAIN, operator, [source], attributes, outputs=[result])
    made.metadata_props.update(node.metadata_props)
    rewriter.graph.insert_before(node, made)
    rewriter.replace(node, [result])


def _attributes(node: ir.Node) -> dict[str, int | float | str]:
    return {name: attribute.value for name, attribute in node.attributes.items()}
