"""Two cuts in a row are one."""

from __future__ import annotations

import onnx_ir as ir

from ..dialect import constant_operand, is_constant, operand
from ..quantization import on_grid_of
from .rewriter import Rewriter


def merge_slices(rewriter: Rewriter) -> None:
    """Make one STRIDED_SLICE of two of which the first has no other use."""
    for node in rewriter.graph:
        if node.op_type != "STRIDED_SLICE":
            continue
        first = operand(node, 0).producer()
        value = operand(node, 0)
        if first is None or first.op_type != "STRIDED_SLICE" or len(value.uses()) > 1 or value.is_graph_output():
            continue
        if not all(is_constant(value) for value in (*first.inputs[1:], *node.inputs[1:])):
            continue
        cuts = [
            range(begin, end, step)[start:stop:stride]
            for (begin, end, step), (start, stop, stride) in zip(_bounds(first), _bounds(node), strict=True)
        ]
        starts, stops, steps = zip(*((cut[0], cut[-1] + 1, cut.step) for cut in cuts), strict=True)
        whole = operand(first, 0)  # a cut keeps the grid of what it cuts
        rewriter.replace(node, [on_grid_of(whole, rewriter.builder.slice(whole, starts, stops, steps))])


def _bounds(node: ir.Node) -> list[tuple[int, int, int]]:
    columns = ([int(number) for number in constant_operand(node, index)] for index in (1, 2, 3))
    return list(zip(*columns, strict=True))
