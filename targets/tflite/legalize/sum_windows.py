"""Averages of integers over small windows as depthwise convolutions, all of whose weights are alike.

XNNPACK takes no AVERAGE_POOL_2D of int8, and the runtime's own kernel is six times slower than its depthwise
convolution. Both round the same sum of integers divided by their count. They differ in which way a half goes, and no
quotient by an odd count is one.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import dtype_of, integer, make_constant, operand, shape_of, text
from ..origin import carry_origins
from ..quantization import Quantization, grid_of, has_grid, put_on
from .rewriter import Rewriter

_WEIGHT = 127
"""Kernels of 32 bits round twice: to a few bits behind the point, and then to an integer. The larger the weights, the
more bits there are. With weights of one, 4/9 would become 4/8, and then 1."""
_MOST = 25
"""Elements of a window: what XNNPACK has kernels for that go over the input once."""


def sum_windows(rewriter: Rewriter) -> None:
    """Say VALID averages of int8 over windows of an odd size. Only once it is settled what is int8.

    A QUANTIZE to another grid behind one goes: a convolution gives any.
    """
    for node in rewriter.graph:
        if node.op_type != "AVERAGE_POOL_2D" or text(node, "padding", "SAME") != "VALID":
            continue
        value, count = operand(node, 0), integer(node, "filter_height") * integer(node, "filter_width")
        keeps_grid = has_grid(value) and has_grid(node.outputs[0]) and grid_of(value) == grid_of(node.outputs[0])
        if dtype_of(value) == ir.DataType.INT8 and keeps_grid and count % 2 and count <= _MOST:
            last = _requantizing(node) or node
            averages = _convolved(rewriter, node, count, grid_of(last.outputs[0]))
            carry_origins(node.outputs[0], averages)
            rewriter.replace(last, [averages])


def _requantizing(node: ir.Node) -> ir.Node | None:
    """Give the QUANTIZE to int8 that alone takes the result."""
    out = node.outputs[0]
    users = [use.node for use in out.uses()]
    if len(users) != 1 or out.is_graph_output() or users[0].op_type != "QUANTIZE":
        return None
    return users[0] if dtype_of(users[0].outputs[0]) == ir.DataType.INT8 else None


def _convolved(rewriter: Rewriter, node: ir.Node, count: int, wanted: Quantization) -> ir.Value:
    value, channels = operand(node, 0), shape_of(node.outputs[0])[-1]
    grid, share = grid_of(value), float(np.float32(1 / (count * _WEIGHT)))
    window = (1, integer(node, "filter_height"), integer(node, "filter_width"), channels)
    alike = put_on(make_constant(np.full(window, _WEIGHT, np.int8)), Quantization((share,)))
    zeros = put_on(make_constant(np.zeros(channels, np.int32)), Quantization((grid.scale * share,)))
    averages = rewriter.builder.op(
        "DEPTHWISE_CONV_2D",
        [value, alike, zeros],
        shape_of(node.outputs[0]),
        ir.DataType.INT8,
        padding="VALID",
        stride_h=integer(node, "stride_h"),
        stride_w=integer(node, "stride_w"),
        depth_multiplier=1,
        dilation_h_factor=1,
        dilation_w_factor=1,
        fused_activation_function=text(node, "fused_activation_function", "NONE"),
    )
    return put_on(averages, wanted)
