"""LSTM, GRU and RNN written out step by step. The products with the inputs are done for all steps at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from .gates import Activation
from .pieces import concatenated, cut, part

STEP_LIMIT = 512
"""Steps of one direction that are written out at the most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One direction, with the gates in ONNX's order: weights [gates · H, …], `bias` [2 · gates · H]."""

    op: str
    weight: Var
    recurrent: Var
    bias: Var | None
    peephole: Var | None
    activations: Sequence[Activation]
    clip: float | None
    resets_after: bool

    @property
    def hidden(self) -> int:
        """How many units it has."""
        return int(self.recurrent.shape[1])

    def applied(self, b: Builder, place: int, x: Var) -> Var:
        """Apply one of its activations."""
        return self.activations[place](b, x, self.clip)

    def bias_of(self, b: Builder, recurrent: bool, start: int, stop: int) -> Var | None:
        """Give the bias of the gates `start` to `stop`, of the products with the input or with the state."""
        first = int(self.recurrent.shape[0]) if recurrent else 0
        return (
            None
            if self.bias is None
            else part(b, self.bias, 0, first + start * self.hidden, first + stop * self.hidden)
        )


State = tuple[Var, ...]
Step = Callable[[Builder, Cell, Var, State], State]


def written_out(b: Builder, cell: Cell, x: Var, states: State, lengths: Var | None, back: bool) -> tuple[Var, State]:
    """Run a cell over x [steps, batch, I] from states [batch, H]; `lengths` int32[1, batch, 1] ends sequences before.

    Gives the first state at every step, zero behind the end of a sequence, and the states at the end.
    """
    steps = x.shape[0]
    if not isinstance(steps, int | np.integer):
        raise Refused("it would be written out step by step, and their number is known only at run time")
    if steps > STEP_LIMIT:
        raise Refused(f"{steps} steps are more than the {STEP_LIMIT} that are written out")
    gates = int(cell.recurrent.shape[0]) // cell.hidden
    products = _times(b, x, cell.weight, cell.bias_of(b, False, 0, gates))
    state = tuple(b.op("expand_dims", x=each, axes=[0]) for each in states)
    every: list[Var] = []
    for place in reversed(range(steps)) if back else range(steps):
        after = _STEPS[cell.op](b, cell, part(b, products, 0, place, place + 1), state)
        if lengths is None:
            state, shown = after, after[0]
        else:
            within = b.op("greater", x=lengths, y=place)
            state = tuple(b.op("select", cond=within, a=new, b=old) for new, old in zip(after, state, strict=True))
            shown = b.op("select", cond=within, a=after[0], b=0.0)
        every.append(shown)
    sequence = concatenated(b, every[::-1] if back else every, 0)
    return sequence, tuple(b.op("squeeze", x=each, axes=[0]) for each in state)


def _times(b: Builder, x: Var, weight: Var, bias: Var | None) -> Var:
    """Multiply x [1 or steps, batch, K] by weight [N, K] transposed, plus bias [N]."""
    if weight.val is not None and (bias is None or bias.val is not None):
        own = None if bias is None else np.asarray(bias.val)
        return b.op("linear", x=x, weight=b.const(np.asarray(weight.val)), bias=own)
    product = b.op("matmul", x=x, y=weight, transpose_y=True)
    return product if bias is None else b.op("add", x=product, y=bias)


def _lstm(b: Builder, cell: Cell, gates: Var, state: State) -> State:
    hidden, memory = state
    gates = b.op("add", x=gates, y=_times(b, hidden, cell.recurrent, cell.bias_of(b, True, 0, 4)))
    entry, out, forget, new = cut(b, gates, 4)
    if cell.peephole is not None:
        peep = cut(b, cell.peephole, 3, 0)
        entry = b.op("add", x=entry, y=b.op("mul", x=memory, y=peep[0]))
        forget = b.op("add", x=forget, y=b.op("mul", x=memory, y=peep[2]))
    kept = b.op("mul", x=cell.applied(b, 0, forget), y=memory)
    memory = b.op("add", x=kept, y=b.op("mul", x=cell.applied(b, 0, entry), y=cell.applied(b, 1, new)))
    if cell.peephole is not None:
        out = b.op("add", x=out, y=b.op("mul", x=memory, y=peep[1]))
    return b.op("mul", x=cell.applied(b, 0, out), y=cell.applied(b, 2, memory)), memory


def _gru(b: Builder, cell: Cell, gates: Var, state: State) -> State:
    (hidden,) = state
    width = cell.hidden
    update, reset, new = cut(b, gates, 3)
    both = _times(b, hidden, part(b, cell.recurrent, 0, 0, 2 * width), cell.bias_of(b, True, 0, 2))
    update_h, reset_h = cut(b, both, 2)
    update = cell.applied(b, 0, b.op("add", x=update, y=update_h))
    reset = cell.applied(b, 0, b.op("add", x=reset, y=reset_h))
    rows, shift = part(b, cell.recurrent, 0, 2 * width, 3 * width), cell.bias_of(b, True, 2, 3)
    if cell.resets_after:
        recalled = b.op("mul", x=reset, y=_times(b, hidden, rows, shift))
    else:
        recalled = _times(b, b.op("mul", x=reset, y=hidden), rows, shift)
    new = cell.applied(b, 1, b.op("add", x=new, y=recalled))
    # (1 − z) · new + z · h, with one product less
    change = b.op("mul", x=update, y=b.op("sub", x=hidden, y=new))
    return (b.op("add", x=new, y=change),)


def _rnn(b: Builder, cell: Cell, gates: Var, state: State) -> State:
    inner = _times(b, state[0], cell.recurrent, cell.bias_of(b, True, 0, 1))
    return (cell.applied(b, 0, b.op("add", x=gates, y=inner)),)


_STEPS: dict[str, Step] = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
