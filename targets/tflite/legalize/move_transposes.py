"""The layout pass: TRANSPOSEs move through the graph until they meet and vanish.

Channels-last operators are lowered between two TRANSPOSEs. A TRANSPOSE before an operator that can work on other axes
is the same as one behind it; so they are moved down as far as they go, and then up again where fewer are left so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from ..dialect import constant_operand, dtype_of, is_constant, operand, shape_of
from ..kernels import KERNELS
from .axes import Permuted, data_operands, on_permuted
from .permutation import Permutation, compose, identity, inverse, moves_data, through_reshape
from .rewriter import Rewriter

Cost = tuple[int, int]
"""How many TRANSPOSEs move data, and how many elements they move together."""

_MAX_RANK = KERNELS["TRANSPOSE"].max_rank or 0


def move_transposes(rewriter: Rewriter) -> None:
    """Move TRANSPOSEs down and up until no more of them vanish."""
    merge_chains(rewriter)
    best = _total(rewriter.graph)
    while True:
        _sink(rewriter)
        _hoist(rewriter)
        total = _total(rewriter.graph)
        if total >= best:
            return
        best = total


def merge_chains(rewriter: Rewriter) -> None:
    """Make one TRANSPOSE of two in a row, none of two that undo each other."""
    for node in rewriter.graph:
        if node.op_type == "TRANSPOSE":
            source, p = _view(node.outputs[0])
            if source is not node.inputs[0] or p == identity(len(p)):
                rewriter.replace(node, [rewriter.builder.transpose(source, p)])


def permutation_of(node: ir.Node) -> Permutation:
    """Read the permutation of a TRANSPOSE."""
    return tuple(int(axis) for axis in constant_operand(node, 1))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A node said on other axes: what that costs in new TRANSPOSEs, and what it gains on the whole."""

    permuted: Permuted
    inserted: Cost
    gain: Cost


def _sink(rewriter: Rewriter) -> None:
    """Move TRANSPOSEs behind the operators that they feed, unless others must be put in for that without need."""
    for node in rewriter.graph:
        for p in _feeding(node):
            plan = _plan(node, p)
            if plan is not None and (plan.inserted == (0, 0) or plan.gain[0] >= 0):
                _apply(rewriter, node, p, plan.permuted)
                break


def _hoist(rewriter: Rewriter) -> None:
    """Move TRANSPOSEs before the operators that feed them where that leaves fewer, or smaller ones."""
    for node in reversed(rewriter.graph):
        for p in _wanted(node):
            plan = _plan(node, p)
            if plan is not None and plan.gain > (0, 0):
                _apply(rewriter, node, p, plan.permuted)
                break


def _feeding(node: ir.Node) -> Iterator[Permutation]:
    seen = set()
    for index in data_operands(node):
        _, p = _view(operand(node, index))
        if p != identity(len(p)) and p not in seen:
            seen.add(p)
            yield p


def _wanted(node: ir.Node) -> Iterator[Permutation]:
    """Give the permutations of the node's operands that would undo TRANSPOSEs of its results."""
    if not data_operands(node):
        return
    shape = shape_of(operand(node, data_operands(node)[0]))
    seen = set()
    for user in _transposes_of(node.outputs[0]):
        back = inverse(permutation_of(user))
        if node.op_type == "RESHAPE":
            found = through_reshape(shape_of(user.outputs[0]), back, shape)
            if found is None:
                continue
            back = found[1]
        if len(back) == len(shape) and back != identity(len(back)) and back not in seen:
            seen.add(back)
            yield back


def _plan(node: ir.Node, p: Permutation) -> _Plan | None:
    operands = [operand(node, index) for index in data_operands(node)]
    if any(len(shape_of(value)) > len(p) for value in operands):
        return None
    if node.op_type in _SAME_RANK and any(len(shape_of(value)) != len(p) for value in operands):
        return None
    permuted = on_permuted(node, p)
    if permuted is None or any(len(q) > _MAX_RANK for q in permuted.permutations):
        return None
    inserted = removed = left = (0, 0)
    for value in dict.fromkeys(operands):
        inserted = _plus(inserted, _insertion(value, p, node))
        producer = value.producer()
        if producer is not None and producer.op_type == "TRANSPOSE" and _serves_only(value, node):
            removed = _plus(removed, _cost(permutation_of(producer), shape_of(operand(producer, 0))))
    for value, shape, q in zip(node.outputs, permuted.shapes, permuted.permutations, strict=True):
        users = [permutation_of(user) for user in _transposes_of(value)]
        if len(users) < len(value.uses()) or value.is_graph_output():
            left = _plus(left, _cost(q, shape))
        for user in users:
            removed = _plus(removed, _cost(user, shape_of(value)))
            left = _plus(left, _cost(compose(q, user), shape))
    gain = (removed[0] - inserted[0] - left[0], removed[1] - inserted[1] - left[1])
    return _Plan(permuted, inserted, gain)


def _insertion(value: ir.Value, p: Permutation, node: ir.Node) -> Cost:
    """Give what it costs to have `transpose(value, inverse(p))`."""
    if is_constant(value):
        return (0, 0)
    source, q = _view(value)
    if len(q) < len(p):
        return _cost(inverse(p), (1,) * (len(p) - len(q)) + shape_of(value))
    needed = compose(q, inverse(p))
    lasting = [user for user in _transposes_of(source) if not _serves_only(user.outputs[0], node)]
    if any(permutation_of(user) == needed for user in lasting):
        return (0, 0)
    return _cost(needed, shape_of(source))


def _apply(rewriter: Rewriter, node: ir.Node, p: Permutation, permuted: Permuted) -> None:
    b = rewriter.builder
    operands = list(node.inputs)
    for index in data_operands(node):
        operands[index] = _source(rewriter, operand(node, index), p)
    for index, array in permuted.parameters.items():
        operands[index] = b.value(array)
    attributes = {name: attribute.value for name, attribute in node.attributes.items()} | permuted.attributes
    results = [(shape, dtype_of(value)) for shape, value in zip(permuted.shapes, node.outputs, strict=True)]
    made = b.node(node.op_type, operands, results, **attributes)
    back = [b.transpose(value, q) for value, q in zip(made, permuted.permutations, strict=True)]
    rewriter.replace(node, back)
    for value, result, q in zip(made, back, permuted.permutations, strict=True):
        if result is not value:
            for user in _transposes_of(result):
                rewriter.replace(user, [b.transpose(value, compose(q, permutation_of(user)))])


def _source(rewriter: Rewriter, value: ir.Value, p: Permutation) -> ir.Value:
    """Give `transpose(value, inverse(p))`, a value of lower rank broadcast to the rank of `p` first."""
    source, q = _view(value)
    if len(q) < len(p):
        wide = (1,) * (len(p) - len(q)) + shape_of(value)
        source, q = rewriter.builder.reshape(value, wide), identity(len(p))
    needed = compose(q, inverse(p))
    for other in _transposes_of(source):
        if permutation_of(other) == needed:
            rewriter.bring_forward(other)
            return other.outputs[0]
    return rewriter.builder.transpose(source, needed)


def _view(value: ir.Value) -> tuple[ir.Value, Permutation]:
    """See through TRANSPOSEs: the value they start from, and the one permutation that they make together."""
    p = identity(len(shape_of(value)))
    while (producer := value.producer()) is not None and producer.op_type == "TRANSPOSE":
        p = compose(permutation_of(producer), p)
        value = operand(producer, 0)
    return value, p


def _transposes_of(value: ir.Value) -> list[ir.Node]:
    return [use.node for use in value.uses() if use.node.op_type == "TRANSPOSE"]


def _serves_only(value: ir.Value, node: ir.Node) -> bool:
    return not value.is_graph_output() and all(use.node is node for use in value.uses())


def _cost(p: Permutation, shape: tuple[int, ...]) -> Cost:
    return (1, math.prod(shape)) if moves_data(p, shape) else (0, 0)


def _plus(a: Cost, b: Cost) -> Cost:
    return (a[0] + b[0], a[1] + b[1])


def _total(graph: ir.Graph) -> Cost:
    total = (0, 0)
    for node in graph:
        if node.op_type == "TRANSPOSE":
            total = _plus(total, _cost(permutation_of(node), shape_of(operand(node, 0))))
    return total


_SAME_RANK = frozenset({"BATCH_MATMUL", "CONCATENATION", "FULLY_CONNECTED"})
"""Operators whose data operands have all the same rank; elementwise ones broadcast."""
