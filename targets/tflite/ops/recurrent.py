"""LSTM, GRU and RNN, written out step by step.

TFLite's own sequence operators keep their state from one run to the next, which ONNX's do not; so they are not used.
The products with the inputs are done for all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_of, shape_of
from .linear import fully_connected
from .lowering import Lowering

STEP_LIMIT = 512
"""Steps, of both directions together, that are written out at the most."""

_ACTIVATIONS = {"sigmoid": "LOGISTIC", "tanh": "TANH", "relu": "RELU"}

_DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cell:
    """One direction: weights [gates · H, …] and what its gates apply."""

    recurrent: ir.Value
    input_bias: ir.Value
    recurrent_bias: ir.Value
    peephole: ir.Value | None
    activations: list[str]
    hidden: int
    resets_after: bool

    def gates(self, b: Builder, weights: ir.Value, start: int, stop: int) -> ir.Value:
        """Give the rows of the gates `start` to `stop`."""
        rest = shape_of(weights)[1:]
        return b.slice(weights, [start * self.hidden, *[0] * len(rest)], [stop * self.hidden, *rest])


State = tuple[ir.Value, ...]
Step = Callable[[Builder, _Cell, ir.Value, State], State]


def lower_recurrent(call: Call, b: Builder) -> list[ir.Value | None]:
    """Run the directions one after the other; each gives its states at all steps and at the end."""
    batch_first = bool(call.integer("layout", 0))
    x = b.transpose(call[0], (1, 0, 2)) if batch_first else call[0]
    steps, batch, _ = shape_of(x)
    hidden = call.integer("hidden_size", shape_of(call[2])[-1])
    direction = call.text("direction", "forward")
    backwards = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    _check(call, steps, len(backwards))
    runs = []
    for place, back in enumerate(backwards):
        start = tuple(
            _initial(call, b, index, place, batch_first, (batch, hidden))
            for index in ((5, 6) if call.op == "LSTM" else (5,))
        )
        runs.append(_run(call, b, x, place, start, back))
    sequence = [b.reshape(b.concat(every, 0), (steps, 1, batch, hidden)) for every, _ in runs]
    outputs: list[ir.Value | None] = [b.concat(sequence, 1)]
    outputs += [
        b.concat([b.reshape(last[part], (1, batch, hidden)) for _, last in runs], 0) for part in range(len(runs[0][1]))
    ]
    if batch_first:
        orders = [(2, 0, 1, 3), (1, 0, 2), (1, 0, 2)]
        outputs = [
            b.transpose(value, order) for value, order in zip(outputs, orders, strict=False) if value is not None
        ]
    return outputs


def _run(call: Call, b: Builder, x: ir.Value, place: int, state: State, back: bool) -> tuple[list[ir.Value], State]:
    """Run one direction; give the first state at every step, in the order of the input, and the last states."""
    steps, batch, _ = shape_of(x)
    cell = _cell(call, b, place)
    step = _STEPS[call.op]
    weight = _direction(b, call[1], place)
    gates = fully_connected(b, x, weight, cell.input_bias)
    width = shape_of(weight)[0]
    if steps == 1:
        parts: Sequence[ir.Value] = [b.reshape(gates, (batch, width))]
    else:
        parts = b.node("UNPACK", [gates], [((batch, width), dtype_of(x))] * steps, num=steps, axis=0)
    every: list[ir.Value] = []
    for place, part in reversed([*enumerate(parts)]) if back else enumerate(parts):
        after = step(b, cell, part, state)
        mask = _within(call, b, place, steps)
        if mask is None:
            state, shown = after, after[0]
        else:
            state = tuple(b.select(mask, new, old) for new, old in zip(after, state, strict=True))
            shown = b.select(mask, after[0], b.full(0, after[0]))
        every.append(shown)
    return (every[::-1] if back else every), state


def _within(call: Call, b: Builder, place: int, steps: int) -> ir.Value | None:
    """Tell which sequences reach a step, bool[batch, 1]; None where it is known that all do."""
    lengths = call.get(4)
    array = constant_of(lengths)
    if lengths is None or (array is not None and bool(np.all(array >= steps))):
        return None
    lengths = b.reshape(lengths, (shape_of(lengths)[0], 1))
    return b.compare("GREATER", lengths, b.full(place, lengths))


def _lstm(b: Builder, cell: _Cell, gates: ir.Value, state: State) -> State:
    hidden, memory = state
    gates = b.binary("ADD", gates, fully_connected(b, hidden, cell.recurrent, cell.recurrent_bias))
    entry, out, forget, new = _split(b, gates, 4)
    if cell.peephole is not None:
        peep = [cell.gates(b, cell.peephole, index, index + 1) for index in range(3)]
        entry = b.binary("ADD", entry, b.binary("MUL", memory, peep[0]))
        forget = b.binary("ADD", forget, b.binary("MUL", memory, peep[2]))
    gate, candidate, result = cell.activations
    kept = b.binary("MUL", b.unary(gate, forget), memory)
    memory = b.binary("ADD", kept, b.binary("MUL", b.unary(gate, entry), b.unary(candidate, new)))
    if cell.peephole is not None:
        out = b.binary("ADD", out, b.binary("MUL", memory, peep[1]))
    return b.binary("MUL", b.unary(gate, out), b.unary(result, memory)), memory


def _gru(b: Builder, cell: _Cell, gates: ir.Value, state: State) -> State:
    (hidden,) = state
    gate, candidate = cell.activations
    update, reset, new = _split(b, gates, 3)
    weight, bias = cell.recurrent, cell.recurrent_bias
    inner = fully_connected(b, hidden, cell.gates(b, weight, 0, 2), cell.gates(b, bias, 0, 2))
    update_h, reset_h = _split(b, inner, 2)
    update = b.unary(gate, b.binary("ADD", update, update_h))
    reset = b.unary(gate, b.binary("ADD", reset, reset_h))
    rows, shift = cell.gates(b, weight, 2, 3), cell.gates(b, bias, 2, 3)
    if cell.resets_after:
        recalled = b.binary("MUL", reset, fully_connected(b, hidden, rows, shift))
    else:
        recalled = fully_connected(b, b.binary("MUL", reset, hidden), rows, shift)
    new = b.unary(candidate, b.binary("ADD", new, recalled))
    # (1 − z) · new + z · h, with one product less
    return (b.binary("ADD", new, b.binary("MUL", update, b.binary("SUB", hidden, new))),)


def _rnn(b: Builder, cell: _Cell, gates: ir.Value, state: State) -> State:
    inner = fully_connected(b, state[0], cell.recurrent, cell.recurrent_bias)
    return (b.unary(cell.activations[0], b.binary("ADD", gates, inner)),)


_STEPS: dict[str, Step] = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}


def _split(b: Builder, gates: ir.Value, count: int) -> Sequence[ir.Value]:
    *lead, width = shape_of(gates)
    results = [((*lead, width // count), dtype_of(gates))] * count
    return b.node("SPLIT", [np.array(len(lead), np.int32), gates], results, num_splits=count)


def _direction(b: Builder, weights: ir.Value, place: int) -> ir.Value:
    """Give the weights of one direction of [directions, …]."""
    _, *rest = shape_of(weights)
    return b.reshape(b.slice(weights, [place, *[0] * len(rest)], [place + 1, *rest]), rest)


def _cell(call: Call, b: Builder, place: int) -> _Cell:
    recurrent = _direction(b, call[2], place)
    width = shape_of(recurrent)[0]
    bias = _direction(b, call[3], place) if call.has(3) else b.value(np.zeros(2 * width, np.float32))
    each = len(_DEFAULTS[call.op])
    names = call.texts("activations") or _DEFAULTS[call.op] * 2
    return _Cell(
        recurrent=recurrent,
        input_bias=b.slice(bias, [0], [width]),
        recurrent_bias=b.slice(bias, [width], [2 * width]),
        peephole=_direction(b, call[7], place) if call.op == "LSTM" and call.has(7) else None,
        activations=[_ACTIVATIONS[name.lower()] for name in names[each * place : each * (place + 1)]],
        hidden=width // _GATES[call.op],
        resets_after=bool(call.integer("linear_before_reset", 0)),
    )


def _initial(call: Call, b: Builder, index: int, place: int, batch_first: bool, shape: tuple[int, int]) -> ir.Value:
    given = call.get(index)
    if given is None:
        return b.value(np.zeros(shape, np.float32))
    given = b.transpose(given, (1, 0, 2)) if batch_first else given
    return b.reshape(b.slice(given, [place, 0, 0], [place + 1, *shape]), shape)


def _check(call: Call, steps: int, directions: int) -> None:
    if steps * directions > STEP_LIMIT:
        raise Refused(f"{steps * directions} steps are more than the {STEP_LIMIT} that are written out")
    if "clip" in call.node.attributes:
        raise Refused("it clips its gates")
    if call.integer("input_forget", 0):
        raise Refused("its input and forget gates are coupled")
    unknown = [name for name in call.texts("activations") or [] if name.lower() not in _ACTIVATIONS]
    if unknown:
        raise Refused(f"activation {unknown[0]}")


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("GRU", "LSTM", "RNN"), lower_recurrent)
