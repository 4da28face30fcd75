"""If, Loop and Scan without control flow: the branch that is taken, the rounds and steps written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, constant_array, ints, same_shape, static_shape
from .left import Left

if TYPE_CHECKING:
    from .writer import Writer

ROUND_LIMIT: Final = 256
"""Rounds of a Loop or steps of a Scan that are written out at the most."""

_UNBATCHED_SCAN: Final = 9


def choose(w: Writer, node: ir.Node) -> list[ir.Value | None]:
    """Give the results of the branch that an If takes; of both, one chosen at run time, where the condition is open.

    Raises:
        Left: when the condition is known only at run time and the branches give different shapes or dtypes.
    """
    condition, array = node.inputs[0], constant_array(node.inputs[0])
    assert condition is not None
    branches = [node.attributes[name].as_graph() for name in ("then_branch", "else_branch")]
    if array is not None:
        return w.write(branches[not bool(array.item())], [], node, str(node.name), like=node.outputs)
    then, other = (
        w.write(branch, [], node, f"{node.name}/{name}", like=node.outputs)
        for name, branch in zip(("then", "else"), branches, strict=True)
    )
    return [_either(w, node, condition, *pair) for pair in zip(then, other, strict=True)]


def _either(w: Writer, node: ir.Node, condition: ir.Value, x: ir.Value | None, y: ir.Value | None) -> ir.Value:
    if x is None or y is None or x.dtype is None or x.dtype != y.dtype or not same_shape(x, y):
        raise Left("its condition is not constant, and its branches give different shapes")
    if static_shape(condition) != ():
        condition = w.op(node, "Reshape", [condition, w.constant(np.zeros(0, np.int64), f"{node.name}/scalar")])[0]
    return w.op(node, "Where", [condition, x, y])[0]


def scan(w: Writer, node: ir.Node) -> list[ir.Value | None]:
    """Write out every step of a Scan, and give its results.

    Raises:
        Left: when there are too many steps, none, or a number of them that is known only at run time.
    """
    if w.opsets.get("", _UNBATCHED_SCAN) < _UNBATCHED_SCAN:
        raise Left(f"before opset {_UNBATCHED_SCAN} a Scan goes over batches")
    body, count = node.attributes["body"].as_graph(), node.attributes["num_scan_inputs"].as_int()
    carried: list[ir.Value | None] = list(node.inputs[: len(node.inputs) - count])
    sources = [_there(value) for value in node.inputs[len(carried) :]]
    if any(value.shape is None for value in sources):
        raise Left("its number of steps is not known")
    axes = [
        axis % len(value.shape or ())
        for axis, value in zip(_ints(node, "scan_input_axes", count), sources, strict=True)
    ]
    steps = (sources[0].shape or ())[axes[0]]
    if not isinstance(steps, int) or not 1 <= steps <= ROUND_LIMIT:
        raise Left(f"it goes {steps} steps; 1 to {ROUND_LIMIT} are written out")
    parts = [_steps(w, node, value, axis, steps) for value, axis in zip(sources, axes, strict=True)]
    back = _ints(node, "scan_input_directions", count)
    collected: list[list[ir.Value]] = [[] for _ in range(len(body.outputs) - len(carried))]
    for step in range(steps):
        now = [part[steps - 1 - step if turned else step] for part, turned in zip(parts, back, strict=True)]
        results = w.write(body, [*map(_there, carried), *now], node, f"{node.name}/{step}")
        for kept, value in zip(collected, results[len(carried) :], strict=True):
            kept.append(_there(value))
        carried = results[: len(carried)]
    turns = _ints(node, "scan_output_directions", len(collected))
    places = _ints(node, "scan_output_axes", len(collected))
    ordered = [kept[::-1] if turned else kept for kept, turned in zip(collected, turns, strict=True)]
    return [*carried, *(_stacked(w, node, kept, axis) for kept, axis in zip(ordered, places, strict=True))]


def unroll(w: Writer, node: ir.Node) -> list[ir.Value | None]:
    """Write out every round of a Loop, and give its results.

    Raises:
        Left: when the number of rounds is known only at run time, or is too high.
    """
    trips, condition = (_given(node, index) for index in (0, 1))
    is_counted_alone = condition is None
    body = node.attributes["body"].as_graph()
    carried: list[ir.Value | None] = list(node.inputs[2:])
    collected: list[list[ir.Value]] = [[] for _ in range(len(body.outputs) - 1 - len(carried))]
    rounds = 0
    while (trips is None or rounds < int(trips.item())) and (condition is None or bool(condition.item())):
        if rounds == ROUND_LIMIT:
            raise Left(f"it goes more than {ROUND_LIMIT} rounds")
        stem = f"{node.name}/{rounds}"
        start = [w.constant(np.array(rounds, np.int64), f"{stem}/round"), w.constant(np.array(True), f"{stem}/go")]
        results = w.write(body, [*start, *map(_there, carried)], node, stem)
        condition = constant_array(results[0])
        if condition is None:
            raise Left("its number of rounds is not constant")
        if is_counted_alone and not condition.item():
            raise Left("its body ends it, which ONNX says does not count and its runtimes say does")
        carried = results[1 : 1 + len(carried)]
        for kept, value in zip(collected, results[1 + len(carried) :], strict=True):
            kept.append(_there(value))
        rounds += 1
    if rounds:
        return [*carried, *(_stacked(w, node, kept, 0) for kept in collected)]
    return [*carried, *(_nothing(w, value) for value in node.outputs[len(carried) :])]


def _given(node: ir.Node, index: int) -> Array | None:
    """Give the number of rounds, or whether there is one, None where the Loop is not told.

    Raises:
        Left: when it is told at run time.
    """
    value = node.inputs[index] if index < len(node.inputs) else None
    array = constant_array(value)
    if value is not None and array is None:
        raise Left("its number of rounds is not constant")
    return array


def _nothing(w: Writer, value: ir.Value) -> ir.Value | None:
    """Give what a Loop of no rounds collects, where its declared shape says the size of what it would have."""
    shape = static_shape(value)
    if not shape or shape[0] != 0 or value.dtype is None:
        return None
    return w.constant(np.zeros(shape, value.dtype.numpy()), f"{value.name}/empty")


def _steps(w: Writer, node: ir.Node, x: ir.Value, axis: int, steps: int) -> list[ir.Value]:
    parts = [x] if steps == 1 else w.op(node, "Split", [x], outputs=steps, axis=axis, num_outputs=steps)
    axes = w.constant(np.array([axis], np.int64), f"{node.name}/axis")
    return [w.op(node, "Squeeze", [part, axes])[0] for part in parts]


def _stacked(w: Writer, node: ir.Node, values: Sequence[ir.Value], axis: int) -> ir.Value:
    axes = w.constant(np.array([axis], np.int64), f"{node.name}/axis")
    parts = [w.op(node, "Unsqueeze", [value, axes])[0] for value in values]
    return w.op(node, "Concat", parts, axis=axis)[0]


def _ints(node: ir.Node, name: str, count: int) -> tuple[int, ...]:
    return ints(node, name) or (0,) * count


def _there(value: ir.Value | None) -> ir.Value:
    if value is None:
        raise Left("its body leaves out what a later round needs")
    return value


CONTROL: Final[Mapping[str, Callable[[Writer, ir.Node], list[ir.Value | None]]]] = {
    "If": choose,
    "Loop": unroll,
    "Scan": scan,
}
"""Operator → what writes it out."""
