"""A BATCH_MATMUL of a TRANSPOSE with itself gets a second TRANSPOSE.

XNNPACK, as in ai-edge-litert 2.3.0, takes a TRANSPOSE in front of a BATCH_MATMUL into the product, and when both
operands are that one tensor it computes something else, with no error: off by 27 on a product of size 10, where the
plain kernels were right to 1e-6.
"""

from __future__ import annotations

import onnx_ir as ir

from ..dialect import dtype_of, integer, operand, shape_of
from .move_transposes import permutation_of
from .rewriter import Rewriter


def part_operands(rewriter: Rewriter) -> None:
    """Give both operands of every such product a tensor of its own. What shares equal nodes must not run after it."""
    for node in rewriter.graph:
        if node.op_type == "BATCH_MATMUL" and node.inputs[0] is node.inputs[1]:
            _part(rewriter, node)


def _part(rewriter: Rewriter, node: ir.Node) -> None:
    value, out, b = operand(node, 0), node.outputs[0], rewriter.builder
    producer = value.producer()
    if producer is None or producer.op_type != "TRANSPOSE":
        return
    second = b.transpose(operand(producer, 0), permutation_of(producer))
    flags = {name: integer(node, name) for name in ("adj_x", "adj_y")}
    rewriter.replace(node, [b.op("BATCH_MATMUL", [value, second], shape_of(out), dtype_of(out), **flags)])
