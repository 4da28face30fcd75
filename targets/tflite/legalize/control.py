"""If, Loop and Scan without control flow: the branch that is taken, the rounds and steps written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..dialect import constant_of, dtype_of, make_constant, shape_of

if TYPE_CHECKING:
    from .translate import Translator

ROUND_LIMIT = 256
"""Rounds of a Loop or steps of a Scan that are written out at the most."""

_UNBATCHED_SCAN = 9


def choose(
    translator: Translator, node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]
) -> list[ir.Value | None]:
    """Give the results of the branch that an If takes; of both, one chosen at run time, where the condition is open.

    Raises:
        Refused: when the condition is known only at run time and the branches give different shapes.
    """
    branches = [node.attributes[name].as_graph() for name in ("then_branch", "else_branch")]
    condition = constant_of(operands[0])
    if condition is not None:
        return translator.run(branches[not bool(condition.item())], opsets)
    then, other = (translator.run(branch, opsets) for branch in branches)
    assert operands[0] is not None
    mask = translator.builder.reshape(operands[0], ())
    return [_either(translator.builder, mask, *pair) for pair in zip(then, other, strict=True)]


def _either(b: Builder, mask: ir.Value, x: ir.Value | None, y: ir.Value | None) -> ir.Value:
    if x is None or y is None or (shape_of(x), dtype_of(x)) != (shape_of(y), dtype_of(y)):
        raise Refused("its condition is not constant, and its branches give different shapes")
    return b.select(mask, x, y)


def scan(
    translator: Translator, node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]
) -> list[ir.Value | None]:
    """Write out every step of a Scan, and give its results.

    Raises:
        Refused: when there are too many steps, or none.
    """
    if opsets.get("", _UNBATCHED_SCAN) < _UNBATCHED_SCAN:
        raise Refused(f"before opset {_UNBATCHED_SCAN} a Scan goes over batches")
    b, body = translator.builder, node.attributes["body"].as_graph()
    count = node.attributes["num_scan_inputs"].as_int()
    carried, sources = list(operands[: len(operands) - count]), [_there(value) for value in operands[-count:]]
    named = _ints(node, "scan_input_axes", count)
    axes = [axis % len(shape_of(value)) for axis, value in zip(named, sources, strict=True)]
    steps = shape_of(sources[0])[axes[0]]
    if not 1 <= steps <= ROUND_LIMIT:
        raise Refused(f"it goes {steps} steps; 1 to {ROUND_LIMIT} are written out")
    parts = [_steps(b, value, axis) for value, axis in zip(sources, axes, strict=True)]
    back = _ints(node, "scan_input_directions", count)
    collected: list[list[ir.Value]] = [[] for _ in range(len(body.outputs) - len(carried))]
    for step in range(steps):
        now = [part[steps - 1 - step if turned else step] for part, turned in zip(parts, back, strict=True)]
        translator.values.update(zip(body.inputs, [*carried, *now], strict=True))
        results = translator.run(body, opsets)
        for kept, value in zip(collected, results[len(carried) :], strict=True):
            kept.append(_there(value))
        carried = results[: len(carried)]
    turns = _ints(node, "scan_output_directions", len(collected))
    places = _ints(node, "scan_output_axes", len(collected))
    ordered = [kept[::-1] if turned else kept for kept, turned in zip(collected, turns, strict=True)]
    return [*carried, *(_stacked(b, kept, axis) for kept, axis in zip(ordered, places, strict=True))]


def _steps(b: Builder, x: ir.Value, axis: int) -> list[ir.Value]:
    shape = shape_of(x)
    rest = (*shape[:axis], *shape[axis + 1 :])
    starts, stops = [0] * len(shape), list(shape)
    parts = []
    for step in range(shape[axis]):
        starts[axis], stops[axis] = step, step + 1
        parts.append(b.reshape(b.slice(x, starts, stops), rest))
    return parts


def _stacked(b: Builder, values: Sequence[ir.Value], axis: int) -> ir.Value:
    shape = shape_of(values[0])
    axis %= len(shape) + 1
    return b.concat([b.reshape(value, (*shape[:axis], 1, *shape[axis:])) for value in values], axis)


def _ints(node: ir.Node, name: str, count: int) -> list[int]:
    attribute = node.attributes.get(name)
    return [*attribute.as_ints()] if attribute is not None else [0] * count


def _there(value: ir.Value | None) -> ir.Value:
    assert value is not None
    return value


def unroll(
    translator: Translator, node: ir.Node, operands: Sequence[ir.Value | None], opsets: Mapping[str, int]
) -> list[ir.Value | None]:
    """Write out every round of a Loop, and give its results.

    Raises:
        Refused: when the number of rounds is known only at run time, or is too high.
    """
    trips, condition = constant_of(operands[0]), constant_of(operands[1])
    if (operands[0] is not None and trips is None) or (operands[1] is not None and condition is None):
        raise Refused("its number of rounds is not constant")
    body = node.attributes["body"].as_graph()
    carried = list(operands[2:])
    collected: list[list[ir.Value]] = [[] for _ in range(len(body.outputs) - 1 - len(carried))]
    rounds = 0
    while (trips is None or rounds < int(trips.item())) and (condition is None or bool(condition.item())):
        if rounds == ROUND_LIMIT:
            raise Refused(f"it goes more than {ROUND_LIMIT} rounds")
        start = [make_constant(np.array(rounds, np.int64)), make_constant(np.array(True)), *carried]
        translator.values.update(zip(body.inputs, start, strict=True))
        results = translator.run(body, opsets)
        condition = constant_of(results[0])
        if condition is None:
            raise Refused("its number of rounds is not constant")
        carried = results[1 : 1 + len(carried)]
        for kept, value in zip(collected, results[1 + len(carried) :], strict=True):
            kept.append(_there(value))
        rounds += 1
    if collected and not rounds:
        raise Refused("it goes no round and collects nothing")
    return [*carried, *(_stacked(translator.builder, kept, 0) for kept in collected)]
