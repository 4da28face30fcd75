"""Picking one of interleaved elements, as channel shuffles do, after putting them apart.

Kernels copy slices run by run, and along the last axis a run is a single element: ten times slower than to transpose
everything once and to cut whole blocks.
"""

from __future__ import annotations

import math

import onnx_ir as ir

from ..dialect import constant_operand, is_constant, operand, shape_of
from ..kernels import KERNELS
from .rewriter import Rewriter

_WORTH = 1024
"""Elements; below that neither way takes time."""


def pick_by_transpose(rewriter: Rewriter) -> None:
    """Say slices of one element along the last axis as slices along the first; equal TRANSPOSEs are shared later."""
    for node in rewriter.graph:
        if node.op_type == "STRIDED_SLICE" and is_constant(node.inputs[1]) and _picks_one_of_last(node):
            _rewrite(rewriter, node)


def _picks_one_of_last(node: ir.Node) -> bool:
    shape, picked = shape_of(operand(node, 0)), shape_of(node.outputs[0])
    one = picked[-1] == 1 and shape[-1] > 1 and picked[:-1] == shape[:-1]
    return one and len(shape) <= (KERNELS["TRANSPOSE"].max_rank or 0) and math.prod(shape) >= _WORTH


def _rewrite(rewriter: Rewriter, node: ir.Node) -> None:
    b, x = rewriter.builder, operand(node, 0)
    last, place = len(shape_of(x)) - 1, int(constant_operand(node, 1)[-1])
    apart = b.transpose(x, (last, *range(last)))
    block = b.slice(apart, (place, *[0] * last), (place + 1, *shape_of(x)[:-1]))
    rewriter.replace(node, [b.reshape(block, shape_of(node.outputs[0]))])
