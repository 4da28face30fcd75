"""Constant scales and shifts behind a linear node go into its weights and bias."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..dialect import Array, constant_of, operand, shape_of, text
from ..origin import forget_origins
from .linear import Linear, per_channel
from .rewriter import Rewriter

_THROUGH = frozenset({"RESHAPE", "TRANSPOSE"})
"""Operators that a factor for all elements passes unchanged; so it does one side of a BATCH_MATMUL."""


def fold_scales(rewriter: Rewriter) -> None:
    """Fold MUL and DIV by one number a channel, with the shifts in between, and by one number from further behind."""
    for node in rewriter.graph:
        if node.op_type in ("ADD", "SUB"):
            _fold_shift(rewriter, node)
        elif node.op_type in ("MUL", "DIV"):
            _fold_scale(rewriter, node)


def fold_shifts(rewriter: Rewriter) -> None:
    """Fold ADD and SUB of one number a channel."""
    for node in rewriter.graph:
        if node.op_type in ("ADD", "SUB"):
            _fold_shift(rewriter, node)


def split_constant(node: ir.Node) -> tuple[ir.Value, Array] | None:
    """Give the value and the constant of a binary node that has one of each (SUB and DIV: the constant second)."""
    first, second = operand(node, 0), operand(node, 1)
    if constant_of(first) is not None and node.op_type not in ("SUB", "DIV"):
        first, second = second, first
    array = constant_of(second)
    if array is None or constant_of(first) is not None or shape_of(first) != shape_of(node.outputs[0]):
        return None
    return None if text(node, "fused_activation_function", "NONE") != "NONE" else (first, array)


def _fold_shift(rewriter: Rewriter, node: ir.Node) -> None:
    parts = split_constant(node)
    linear = Linear.of(parts[0].producer()) if parts and _is_private(parts[0]) else None
    if parts is None or linear is None:
        return
    addends = per_channel(parts[1], linear.channels)
    if addends is not None:
        rewriter.replace(node, [linear.shifted(rewriter.builder, addends if node.op_type == "ADD" else -addends)])


def _fold_scale(rewriter: Rewriter, node: ir.Node) -> None:
    parts = split_constant(node)
    if parts is None or parts[1].dtype != np.float32:
        return
    value, array = parts
    if node.op_type == "DIV":
        array = np.float32(1) / array
    if not np.all(np.isfinite(array)):
        return
    linear = Linear.of(value.producer()) if _is_private(value) else None
    if linear is not None:
        factors = per_channel(array, linear.channels)
        if factors is not None:
            rewriter.replace(node, [linear.scaled(rewriter.builder, factors)])
    elif array.size == 1:
        far = _source(value)
        if far is not None:
            factors = np.full(far.channels, array.item(), np.float32)
            _forget_between(far.node, node)
            rewriter.replace(far.node, [far.scaled(rewriter.builder, factors)])
            rewriter.replace(node, [value])


def _source(value: ir.Value) -> Linear | None:
    """Give the linear node behind a value whose scale can be taken there, past nodes that nobody else uses."""
    producer = value.producer()
    if producer is None or not _is_private(value):
        return None
    if producer.op_type == "BATCH_MATMUL":
        return _source(operand(producer, 0)) or _source(operand(producer, 1))
    return _source(operand(producer, 0)) if producer.op_type in _THROUGH else Linear.of(producer)


def _forget_between(first: ir.Node, last: ir.Node) -> None:
    """What lies between the two, each with one user, is about to be scaled."""
    while first is not last:
        forget_origins(first.outputs[0])
        first = next(iter(first.outputs[0].uses())).node


def _is_private(value: ir.Value) -> bool:
    return len(value.uses()) == 1 and not value.is_graph_output()
