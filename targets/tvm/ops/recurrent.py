"""LSTM, GRU and RNN: the products with the inputs are one product of matrices, the rest is a loop over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax
from .gates import Activation, activations_of
from .pieces import cast, part, plus, reshaped, sizes_of, transposed, widened
from .recurrent_loop import Cell

_BACKWARDS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}

Run = tuple[Expr, tuple[Expr, ...]]
"""What a direction gives: its first state at every step, float[steps, batch, H], and the last states [batch, H]."""


def recurrent(call: Call[Expr], b: Builder) -> list[Expr | None]:
    """Run the directions; give their states at all steps and at the end."""
    batch_first = bool(call.integer("layout", 0))
    x = widened(b, call[0])
    x = transposed(b, x, (1, 0, 2)) if batch_first else x
    backwards = _BACKWARDS[call.text("direction", "forward")]
    activations = activations_of(call, len(backwards))
    if call.integer("input_forget", 0):
        raise Refused("its input and forget gates are coupled")
    if call.op == "LSTM" and "clip" in call.node.attributes:
        raise Refused("it clips its gates, and ONNX leaves open whether its memory too")
    runs = [_run(call, b, x, place, activations[place], back) for place, back in enumerate(backwards)]
    axis, dtype = 2 if batch_first else 1, dtype_of(call[0])
    sequence = _stacked(b, [every for every, _ in runs], 1)
    sequence = transposed(b, sequence, (2, 0, 1, 3)) if batch_first else sequence
    last = [_stacked(b, [states[place] for _, states in runs], axis - 1) for place in range(len(runs[0][1]))]
    return [cast(b, value, dtype) for value in (sequence, *last)]


def _stacked(b: Builder, values: Sequence[Expr], axis: int) -> Expr:
    """Put values of one shape side by side along a new axis."""
    shape = [*sizes_of(values[0])]
    shape.insert(axis, 1)
    rows = [reshaped(b, value, shape) for value in values]
    return rows[0] if len(rows) == 1 else b.op(relax().op.concat, rows, axis=axis)


def _run(call: Call[Expr], b: Builder, x: Expr, place: int, activations: Sequence[Activation], back: bool) -> Run:
    """Run one direction over x [steps, batch, I]."""
    (steps, batch, width), hidden = sizes_of(x), call.shape(2)[-1]
    if 0 in (steps, batch, width, hidden):
        raise Refused("it has no steps, no samples or no units")
    cell = Cell(
        op=call.op,
        steps=steps,
        batch=batch,
        hidden=hidden,
        dtype=dtype_of(x),
        activations=activations,
        back=back,
        resets_after=call.op == "GRU" and bool(call.integer("linear_before_reset", 0)),
        lengths=not _is_whole(call, steps),
        peepholes=call.has(7),
    )
    products = b.op(relax().op.matmul, reshaped(b, x, (steps * batch, width)), _turned(call, b, 1, place))
    added, own = _biases(call, b, place, cell)
    products = products if added is None else plus(b, products, added)
    given = {
        "products": reshaped(b, products, (steps, batch, cell.gates * hidden)),
        "weight": _turned(call, b, 2, place),
        "bias": own,
        "peephole": _own(call, b, 7, place) if cell.peepholes else None,
        "lengths": cast(b, call[4], "int32") if cell.lengths else None,
        "first_hidden": _first(call, b, 5, place, cell),
        "first_memory": _first(call, b, 6, place, cell) if call.op == "LSTM" else None,
    }
    made = b.te(cell.loop, *(given[name] for name in cell.names))
    return b.item(made, 0), tuple(b.item(made, 1 + index) for index in range(len(cell.states)))


def _is_whole(call: Call[Expr], steps: int) -> bool:
    """Whether every sequence is known to be as long as the input."""
    return not call.has(4) or (call.is_constant(4) and bool(np.all(call.constant(4, "lengths") >= steps)))


def _own(call: Call[Expr], b: Builder, index: int, place: int) -> Expr:
    """Give what an input [directions, …] has for one direction."""
    if call.is_constant(index):
        return widened(b, b.const(call.constant(index, "parameter")[place]))
    return reshaped(b, widened(b, part(b, call[index], 0, place, place + 1)), call.shape(index)[1:])


def _turned(call: Call[Expr], b: Builder, index: int, place: int) -> Expr:
    """Give the weights [gates · H, inputs] of one direction as [inputs, gates · H]."""
    if call.is_constant(index):
        return widened(b, b.const(call.constant(index, "weights")[place].T))
    return transposed(b, _own(call, b, index, place), (1, 0))


def _biases(call: Call[Expr], b: Builder, place: int, cell: Cell) -> tuple[Expr | None, Expr | None]:
    """Give what is added to the products with the inputs [gates · H], and what is to that of a GRU's state [H].

    ONNX has a bias of the inputs and one of the states; both are added at once, but where a GRU resets their sum.
    """
    size, hidden = cell.gates * cell.hidden, cell.hidden
    if not call.has(3):
        return None, b.const(np.zeros(hidden), cell.dtype) if cell.resets_after else None
    if call.is_constant(3):
        array = call.constant(3, "bias")[place].astype(np.float64)
        total, inner = _added(array[:size], array[size:], cell)
        return b.const(total, cell.dtype), None if inner is None else b.const(inner, cell.dtype)
    whole = _own(call, b, 3, place)
    first, second = part(b, whole, 0, 0, size), part(b, whole, 0, size, 2 * size)
    if not cell.resets_after:
        return plus(b, first, second), None
    early = plus(b, part(b, first, 0, 0, 2 * hidden), part(b, second, 0, 0, 2 * hidden))
    rest = [part(b, each, 0, 2 * hidden, size) for each in (first, second)]
    return b.op(relax().op.concat, [early, rest[0]], axis=0), rest[1]


def _added(first: NDArray[Any], second: NDArray[Any], cell: Cell) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if not cell.resets_after:
        return first + second, None
    early = 2 * cell.hidden
    return np.concatenate([first[:early] + second[:early], first[early:]]), second[early:]


def _first(call: Call[Expr], b: Builder, index: int, place: int, cell: Cell) -> Expr:
    """Give the state that a direction starts with, [batch, H]."""
    shape = (cell.batch, cell.hidden)
    if not call.has(index):
        return b.const(np.zeros(shape), cell.dtype)
    axis = 1 if call.integer("layout", 0) else 0
    return reshaped(b, widened(b, part(b, call[index], axis, place, place + 1)), shape)


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("GRU", "LSTM", "RNN"), recurrent)
