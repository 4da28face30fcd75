"""A choice or new order of channels behind a linear node is a choice of rows of its weights."""

from __future__ import annotations

from ..dialect import constant_of, integer, operand, shape_of
from .linear import Linear
from .rewriter import Rewriter


def absorb_gathers(rewriter: Rewriter) -> None:
    """Take in every GATHER of channels by constant indices where nothing else uses the node before."""
    for node in rewriter.graph:
        if node.op_type != "GATHER" or integer(node, "axis") != len(shape_of(operand(node, 0))) - 1:
            continue
        value, channels = operand(node, 0), constant_of(node.inputs[1])
        linear = Linear.of(value.producer())
        if linear is None or channels is None or channels.ndim != 1 or linear.node.op_type == "DEPTHWISE_CONV_2D":
            continue
        # More rows than before would be computed twice.
        if len(channels) <= linear.channels and len(value.uses()) == 1 and not value.is_graph_output():
            rewriter.replace(node, [linear.picked(rewriter.builder, channels)])
