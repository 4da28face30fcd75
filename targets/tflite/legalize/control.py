"""If and Loop whose course is known at compile time: the branch that is taken, the rounds written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ..dialect import constant_of, make_constant, shape_of
from ..refused import Refused

if TYPE_CHECKING:
    from .translate import Translator

ROUND_LIMIT = 256
"""Rounds of a Loop that are written out at the most."""


def constant_branch(node: ir.Node, operands: Sequence[ir.Value | None]) -> ir.Graph:
    """Give the branch that an If takes.

    Raises:
        Refused: when its condition is known only at run time.
    """
    condition = constant_of(operands[0])
    if condition is None:
        raise Refused("its condition is not constant")
    return node.attributes["then_branch" if bool(condition.item()) else "else_branch"].as_graph()


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
            assert value is not None
            kept.append(value)
        rounds += 1
    if collected and not rounds:
        raise Refused("it goes no round and collects nothing")
    b = translator.builder
    joined = [b.concat([b.reshape(value, (1, *shape_of(value))) for value in kept], 0) for kept in collected]
    return [*carried, *joined]
