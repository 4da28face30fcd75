"""Whole residual blocks go: x + f(x) becomes x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

from ...vocabulary.errors import RefusedError
from ..inspect import macs_of
from ..passes.editing import Editor, constant_tensor, is_op, same_shape
from ..passes.remove_dead_code import RemoveDeadCode
from ..quantize.record import note

Change = Callable[[ir.Model], float]
"""Tells how far the outputs of a graph are from those of the one that is pruned, as a share of their spread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A sum of a value and of what layers make of it. `nodes` are theirs, and nobody else uses what they give."""

    end: ir.Node
    begin: ir.Value
    nodes: frozenset[ir.Node]


def find_blocks(graph: ir.Graph) -> tuple[Block, ...]:
    """Give the residual blocks of a graph, in its order; those in which nothing is multiplied by weights are none."""
    found = []
    for node in graph:
        if not is_op(node, "Add") or any(value is None or constant_tensor(value) for value in node.inputs):
            continue
        for begin, end in (tuple(node.inputs), tuple(node.inputs)[::-1]):
            assert begin is not None
            assert end is not None
            nodes = _between(begin, end)
            closed = all(
                not value.is_graph_output() and all(user in nodes or user is node for user, _ in value.uses())
                for inner in nodes
                for value in inner.outputs
            )
            if closed and same_shape(begin, node.outputs[0]) and any(map(macs_of, nodes)):
                found.append(Block(end=node, begin=begin, nodes=nodes))
    return tuple(found)


def _between(begin: ir.Value, end: ir.Value) -> frozenset[ir.Node]:
    """Give the nodes on the ways from one value to another."""
    behind: set[ir.Node] = set()
    pending = [node for node, _ in begin.uses()]
    while pending:
        node = pending.pop()
        if node not in behind:
            behind.add(node)
            pending += [user for value in node.outputs for user, _ in value.uses()]
    found: set[ir.Node] = set()
    values = [end]
    while values:
        maker = values.pop().producer()
        if maker is not None and maker in behind and maker not in found:
            found.add(maker)
            values += [value for value in maker.inputs if value is not None]
    return frozenset(found)


def take_blocks(model: ir.Model, count: int, change: Change) -> None:
    """Take blocks out, in place, one after the other: each time the one that changes the outputs least.

    Raises:
        RefusedError: when the model has fewer.
        EdgewrightError: what `change` raised.
    """
    there = len(find_blocks(model.graph))
    for done in range(count):
        blocks = find_blocks(model.graph)
        if not blocks:
            raise RefusedError(
                f"prune: blocks = {count}, and {f'no more than {done} of' if done else 'none of'} the model's layers "
                "make a residual block (x + f(x)) that nothing else uses",
                hint=f"ask for at most {done}" if done else "channels may go: structured = true",
            )
        tried = [change(without(model.clone(), at)) for at in range(len(blocks))]
        least = min(range(len(blocks)), key=tried.__getitem__)
        where, size = blocks[least].end.name or "", len(blocks[least].nodes)
        without(model, least)
        text = f"block of {size} nodes is taken out, one of {there}: outputs change by {100 * tried[least]:.3g} %"
        note(model, "prune", where, text)


def without(model: ir.Model, at: int) -> ir.Model:
    """Take the block at a place in `find_blocks` out of a model, in place."""
    block = find_blocks(model.graph)[at]
    Editor(model).replace(block.end.outputs[0], block.begin)
    RemoveDeadCode().rewrite(model)
    return model
