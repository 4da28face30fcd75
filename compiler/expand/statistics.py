"""Nodes whose numbers float16 does not hold although it holds what stands before and behind them: statistics.

A square passes the largest float16 where its root passes 256, and `E[x²] − E[x]²` leaves little of 11 bits where the
mean is large beside the deviation. Both end in a square root, behind which float16 will do again. Source of the limits:
IEEE 754, binary16.
"""

from __future__ import annotations

import onnx_ir as ir

from ..passes.editing import constant_array, is_op
from .origin import origin_of

_REDUCES = ("ReduceMean", "ReduceSum")
_OF_SQUARES = ("ReduceSumSquare", "ReduceL2")
_BETWEEN = ("Mul", "Add", "Sub", "Max", "Clip", "Reshape", "Expand", "Unsqueeze", "Squeeze", "Relu", "Identity")
"""What stands between the mean of squares and the root."""
_ENDS = ("Sqrt", "Reciprocal", "Div", "Pow")


def statistics(graph: ir.Graph) -> frozenset[str]:
    """Give the names of the hub nodes that compute means of squares, and what is computed of these up to the root."""
    found: set[ir.Node] = set()
    for node in graph:
        if is_op(node, *_OF_SQUARES):
            _forwards(node, found)
        elif is_op(node, *_REDUCES) and (square := _square(node.inputs[0])) is not None:
            found.add(square)
            _forwards(node, found)
    return frozenset(origin_of(node)[0] for node in found)


def _forwards(node: ir.Node, found: set[ir.Node]) -> None:
    """Add a node, and what follows it up to the root; what is subtracted from it on the way is a statistic as well."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        found.add(here)
        if is_op(here, "Sub"):
            for value in here.inputs:
                _backwards(value, found)
        if here.op_type in _ENDS:
            continue
        users = [user for value in here.outputs for user, _ in value.uses()]
        waiting += [user for user in users if is_op(user, *_BETWEEN, *_ENDS)]


def _backwards(value: ir.Value | None, found: set[ir.Node]) -> None:
    """Add what the square of a mean is made of."""
    maker = value.producer() if value is not None else None
    if maker is None or maker in found:
        return
    if is_op(maker, *_REDUCES):
        found.add(maker)
    elif is_op(maker, *_BETWEEN, "Pow", "Div"):
        found.add(maker)
        for operand in maker.inputs:
            _backwards(operand, found)


def _square(value: ir.Value | None) -> ir.Node | None:
    """Give the node that a value is the square of something by."""
    node = value.producer() if value is not None else None
    if node is None:
        return None
    if is_op(node, "Mul"):
        return node if node.inputs[0] is node.inputs[1] else None
    if is_op(node, "Pow"):
        exponent = constant_array(node.inputs[1], most_elements=1)
        return node if exponent is not None and float(exponent.reshape(())) == 2.0 else None
    return None
