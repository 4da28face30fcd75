"""TRANSPOSEs that an operator can take in: BATCH_MATMUL by its flags, FULLY_CONNECTED by its weights."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import constant_of, dtype_of, integer, operand, shape_of
from .move_transposes import permutation_of
from .rewriter import Rewriter


def absorb_transposes(rewriter: Rewriter) -> None:
    """Take in every TRANSPOSE that can be."""
    for node in rewriter.graph:
        if node.op_type == "BATCH_MATMUL":
            _absorb_into_flags(rewriter, node)
        elif node.op_type == "FULLY_CONNECTED":
            _absorb_into_weights(rewriter, node)


def _absorb_into_flags(rewriter: Rewriter, node: ir.Node) -> None:
    """Swap the last two axes of an operand by `adj_x` or `adj_y`; the rest of a permutation stays a TRANSPOSE."""
    b = rewriter.builder
    operands = [operand(node, 0), operand(node, 1)]
    flags = [integer(node, "adj_x"), integer(node, "adj_y")]
    for index, value in enumerate(operands):
        producer = value.producer()
        if producer is None or producer.op_type != "TRANSPOSE":
            continue
        p = permutation_of(producer)
        if p[-1] == len(p) - 1 or (p[-2:] != (len(p) - 1, len(p) - 2) and p[-2] != len(p) - 1):
            continue
        operands[index] = b.transpose(operand(producer, 0), (*p[:-2], p[-1], p[-2]))
        flags[index] = 1 - flags[index]
    if operands != [*node.inputs]:
        out = node.outputs[0]
        product = b.op("BATCH_MATMUL", operands, shape_of(out), dtype_of(out), adj_x=flags[0], adj_y=flags[1])
        rewriter.replace(node, [product])


def _absorb_into_weights(rewriter: Rewriter, node: ir.Node) -> None:
    """Flattening [N, C, H, W] that is [N, H, W, C] in truth: the columns of the weights are permuted instead."""
    reshape = operand(node, 0).producer()
    weight = constant_of(node.inputs[1])
    if reshape is None or reshape.op_type != "RESHAPE" or weight is None:
        return
    transpose = operand(reshape, 0).producer()
    if transpose is None or transpose.op_type != "TRANSPOSE":
        return
    p, source = permutation_of(transpose), operand(transpose, 0)
    shape = shape_of(operand(reshape, 0))
    rows, depth = int(np.prod(shape_of(reshape.outputs[0])[:-1])), weight.shape[1]
    lead = _leading(shape, rows)
    if lead is None or p[:lead] != tuple(range(lead)):
        return
    # Column c of the weights belongs to element c of the flattened axes; lay them as the source has them.
    tail = tuple(axis - lead for axis in p[lead:])
    back = sorted(range(len(tail)), key=tail.__getitem__)
    columns = np.arange(depth).reshape(shape[lead:]).transpose(back).ravel()
    b = rewriter.builder
    flat = b.reshape(source, shape_of(reshape.outputs[0]))
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    out = node.outputs[0]
    operands = [flat, np.ascontiguousarray(weight[:, columns]), *node.inputs[2:]]
    rewriter.replace(node, [b.op("FULLY_CONNECTED", operands, shape_of(out), dtype_of(out), **attributes)])


def _leading(shape: tuple[int, ...], rows: int) -> int | None:
    """Give how many leading axes hold exactly `rows` elements together."""
    product = 1
    for count, size in enumerate(shape):
        if product == rows:
            return count
        product *= size
    return None
