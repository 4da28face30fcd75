"""RESHAPEs: two in a row are one, one that changes nothing is none, a TRANSPOSE that moves no data is one."""

from __future__ import annotations

import onnx_ir as ir

from ..dialect import constant_operand, dtype_of, is_constant, operand, shape_of
from ..operators import REDUCERS
from ..quantization import on_grid_of
from .move_transposes import permutation_of
from .permutation import moves_data
from .rewriter import Rewriter, is_pinned


def clean_reshapes(rewriter: Rewriter) -> None:
    """Leave no needless RESHAPE."""
    for node in rewriter.graph:
        source, out = node.inputs[0] if node.inputs else None, node.outputs[0]
        if source is None:
            continue
        if node.op_type == "TRANSPOSE" and not moves_data(permutation_of(node), shape_of(source)):
            rewriter.replace(node, [rewriter.builder.reshape(source, shape_of(out))])
        elif node.op_type == "RESHAPE" and not is_pinned(node):
            start = source
            while (producer := start.producer()) is not None and producer.op_type == "RESHAPE":
                start = operand(producer, 0)
            if start is not source or shape_of(start) == shape_of(out):
                rewriter.replace(node, [rewriter.builder.reshape(start, shape_of(out))])
            else:
                _into_reduction(rewriter, node)


def _into_reduction(rewriter: Rewriter, node: ir.Node) -> None:
    """Let a reduction keep or drop its axes itself where a RESHAPE does just that."""
    reduction, out = operand(node, 0).producer(), node.outputs[0]
    if reduction is None or reduction.op_type not in REDUCERS or len(operand(node, 0).uses()) > 1:
        return
    if operand(node, 0).is_graph_output() or not is_constant(reduction.inputs[1]):
        return
    axes = {int(axis) for axis in constant_operand(reduction, 1).ravel()}
    sizes = [1 if axis in axes else size for axis, size in enumerate(shape_of(operand(reduction, 0)))]
    for keep in (True, False):
        if shape_of(out) == tuple(size for axis, size in enumerate(sizes) if keep or axis not in axes):
            b = rewriter.builder
            reduced = b.op(reduction.op_type, reduction.inputs, shape_of(out), dtype_of(out), keep_dims=keep)
            rewriter.replace(node, [on_grid_of(operand(node, 0), reduced)])
            return
