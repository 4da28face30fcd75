"""Constant scales and shifts before FULLY_CONNECTED nodes go into their weights: a normalisation's, most often."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import dtype_of
from .fold_linear import split_constant
from .linear import Linear, per_channel
from .rewriter import Rewriter


def fold_ahead(rewriter: Rewriter) -> None:
    """Fold MUL, ADD and SUB by one number a channel where nothing but FULLY_CONNECTED nodes uses the result."""
    for node in reversed(rewriter.graph):
        if node.op_type in ("MUL", "ADD", "SUB") and dtype_of(node.outputs[0]) == ir.DataType.FLOAT:
            _fold(rewriter, node)


def _fold(rewriter: Rewriter, node: ir.Node) -> None:
    out, parts = node.outputs[0], split_constant(node)
    if parts is None or out.is_graph_output() or not out.uses():
        return
    value, array = parts
    users = [Linear.of(use.node) if use.idx == 0 else None for use in out.uses()]
    linears = [user for user in users if user is not None and user.node.op_type == "FULLY_CONNECTED"]
    if len(linears) < len(users) or (node.op_type == "MUL" and any(linear.is_on_grid for linear in linears)):
        return  # a factor for each column would take the weights off their grids
    vector = per_channel(array, linears[0].weight.shape[1])
    if vector is None or not np.all(np.isfinite(vector)):
        return
    b = rewriter.builder
    for linear in linears:
        if node.op_type == "MUL":
            folded = linear.of_scaled(b, value, vector)
        else:
            folded = linear.of_shifted(b, value, vector if node.op_type == "ADD" else -vector)
        rewriter.replace(linear.node, [folded])
