"""What the dialect says of the bits of numbers, said of the numbers: TF.js does not read bits as another dtype."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..tflite.dialect import constant_of, dtype_of, is_constant, operand
from ..tflite.legalize.rewriter import Rewriter

_COMPARE = frozenset({"GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"})
_EXTREMES = frozenset({"MAXIMUM", "MINIMUM"})

_LOWEST = np.iinfo(np.int64).min

_STEP = np.float32(2.0**-24 * (1 + 2.0**-23))
"""x + x · this is the next float32 for every normal x above 0; S. Rump et al., "Computing predecessor and successor in
rounding to nearest" (2009)."""


def without_bits(rewriter: Rewriter) -> None:
    """Rewrite a dialect graph in place."""
    for node in rewriter.graph:
        if node.op_type == "MAXIMUM":
            _next_float(rewriter, node)
        if node.op_type in _COMPARE | _EXTREMES:
            _order_of_uint64(rewriter, node)
    rewriter.remove_dead()


def _next_float(rewriter: Rewriter, node: ir.Node) -> None:
    """Step from a number that is not below 0 to the next, from the smallest normal number on, by arithmetic."""
    tiny = constant_of(node.inputs[1])
    if tiny is None or tiny.dtype != np.float32 or (tiny < np.finfo(np.float32).tiny).any():
        return
    back = operand(node, 0).producer()
    counted = operand(back, 0).producer() if back is not None and back.op_type == "BITCAST" else None
    if counted is None or counted.op_type != "ADD" or not _is(counted.inputs[1], 1):
        return
    there = operand(counted, 0).producer()
    if there is None or there.op_type != "BITCAST" or dtype_of(operand(there, 0)) != ir.DataType.FLOAT:
        return
    b, x = rewriter.builder, operand(there, 0)
    above = b.binary("ADD", x, b.binary("MUL", x, np.array(_STEP)))
    rewriter.replace(node, [b.binary("MAXIMUM", above, operand(node, 1))])


def _order_of_uint64(rewriter: Rewriter, node: ir.Node) -> None:
    """Compare uint64, all of which int32 holds, as they are, and not with their upper bit turned over."""
    operands = [_unturned(value) for value in node.inputs]
    first, second = operands[0], operands[1]
    if first is None or second is None:
        return
    out, b = node.outputs[0], rewriter.builder
    if node.op_type in _COMPARE:
        rewriter.replace(node, [b.binary(node.op_type, first, second, ir.DataType.BOOL)])
        return
    turned_back = [use.node for use in out.uses()]
    if out.is_graph_output() or not all(use.op_type == "ADD" and _is(use.inputs[1], _LOWEST) for use in turned_back):
        return
    rewriter.replace(node, [b.binary(node.op_type, first, second)])
    for add in turned_back:
        rewriter.replace(add, [operand(add, 0)])


def _unturned(value: ir.Value | None) -> ir.Value | None:
    """Give what a value is with its upper bit turned over, when it is made so of uint64; None for another."""
    node = value.producer() if value is not None else None
    if node is None or node.op_type != "ADD" or not _is(node.inputs[1], _LOWEST):
        return None
    inner = operand(node, 0)
    array = constant_of(inner)
    if array is not None:
        return inner if (array >= 0).all() else None
    bits = inner.producer()
    made_of_uint64 = bits is not None and bits.op_type == "BITCAST" and dtype_of(operand(bits, 0)) == ir.DataType.UINT64
    return inner if made_of_uint64 else None


def _is(value: ir.Value | None, number: int) -> bool:
    array = constant_of(value)
    return is_constant(value) and array is not None and bool((array == number).all())
