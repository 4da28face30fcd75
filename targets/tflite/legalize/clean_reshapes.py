"""RESHAPEs: two in a row are one, one that changes nothing is none, a TRANSPOSE that moves no data is one."""

from __future__ import annotations

from ..dialect import operand, shape_of
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
