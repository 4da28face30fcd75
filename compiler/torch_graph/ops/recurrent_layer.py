"""LSTM, GRU and RNN as one layer of PyTorch.

The products with the inputs are done for all steps at once. The steps are a loop of Python where PyTorch computes, and
its operator `scan` where the layer is exported, so that a layer of any length is a handful of operators there: its own
LSTM is written out step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import torch
from torch import nn
from torch._higher_order_ops.scan import scan_op
from torch.nn import functional

from .gates import Activation

if TYPE_CHECKING:
    from torch import Tensor

OPERANDS: Final = ("weight", "recurrent", "bias", "lengths", "hidden", "memory", "peephole")
"""What a layer takes beside x, in ONNX's order of inputs."""

State = tuple["Tensor", ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One direction: what its gates apply, in ONNX's order, and which way it goes."""

    op: str
    activations: tuple[Activation, ...]
    backwards: bool
    resets_after: bool
    """GRU: whether the state is multiplied by its weights, and gets its bias, before the reset."""


class Recurrent(nn.Module):
    """The directions of one layer. What is constant of `OPERANDS` is its own, the others are given to `forward`."""

    def __init__(self, cells: Sequence[Cell], given: Sequence[str], batch_first: bool) -> None:
        """`given` names the operands of `forward` behind x."""
        super().__init__()
        self.cells, self.given, self.batch_first = tuple(cells), tuple(given), batch_first

    def forward(self, x: Tensor, *operands: Tensor) -> tuple[Tensor, ...]:
        """Run x [steps, batch, I], or with the batch first; shapes of all others, and of the results, are ONNX's."""
        named: dict[str, Tensor | None] = {name: getattr(self, name, None) for name in OPERANDS}
        named.update(zip(self.given, operands, strict=True))
        x = x.transpose(0, 1) if self.batch_first else x
        for name in ("hidden", "memory"):
            state = named[name]
            named[name] = state.transpose(0, 1) if state is not None and self.batch_first else state
        runs = [_run(cell, x, named, place) for place, cell in enumerate(self.cells)]
        sequence = torch.stack([every for every, _ in runs], 1)
        last = [torch.stack(states, 0) for states in zip(*(states for _, states in runs), strict=True)]
        if self.batch_first:
            return sequence.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last)
        return sequence, *last


def _run(cell: Cell, x: Tensor, named: Mapping[str, Tensor | None], place: int) -> tuple[Tensor, State]:
    """Run one direction; give its first state at every step, [steps, batch, H], and the last states."""

    def own(name: str) -> Tensor | None:
        operand = named[name]
        return None if operand is None else operand[place]

    weight, recurrent, bias, peephole = own("weight"), own("recurrent"), own("bias"), own("peephole")
    assert weight is not None
    assert recurrent is not None
    width, units = recurrent.shape
    entering, inner = (None, None) if bias is None else (bias[:width], bias[width:])
    shared = [recurrent.t().contiguous()]
    if cell.resets_after:
        shared.append(x.new_zeros(width) if inner is None else inner)
    elif entering is not None and inner is not None:
        entering = entering + inner
    shared += [] if peephole is None else [peephole]
    states = [
        x.new_zeros(x.shape[1], units) if state is None else state
        for state in (own(name) for name in ("hidden", "memory")[: 2 if cell.op == "LSTM" else 1])
    ]
    xs, lengths = [functional.linear(x, weight, entering)], named["lengths"]
    if lengths is not None:
        xs.append((torch.arange(x.shape[0], device=x.device).unsqueeze(1) < lengths).unsqueeze(-1))
    xs = [part.flip(0) for part in xs] if cell.backwards else xs
    *last, every = _loop(partial(_step, cell, lengths is not None), states, xs, shared)
    return (every.flip(0) if cell.backwards else every), tuple(last)


def _loop(
    step: Callable[..., list[Tensor]], states: list[Tensor], xs: list[Tensor], shared: list[Tensor]
) -> Sequence[Tensor]:
    """Take all steps; give the last states, and what each step shows, stacked."""
    if torch.compiler.is_exporting():
        found: Sequence[Tensor] = scan_op(step, states, xs, tuple(shared))
        return found
    shown = []
    for place in range(xs[0].shape[0]):
        *states, now = step(*states, *(part[place] for part in xs), *shared)
        shown.append(now)
    return [*states, torch.stack(shown)]


def _step(cell: Cell, ends: bool, *operands: Tensor) -> list[Tensor]:
    """Take one step: states [batch, H], what enters [batch, gates · H], whether it is within, and what is shared.

    Gives the new states, and what is shown; behind the end of a sequence states stay, and zeros are shown.
    """
    count = 2 if cell.op == "LSTM" else 1
    before, entering, rest = operands[:count], operands[count], operands[count + 1 :]
    after = _STEPS[cell.op](cell, entering, before, *rest[1 if ends else 0 :])
    if not ends:
        return [*after, after[0].clone()]
    inside = rest[0]
    kept = [torch.where(inside, new, old) for new, old in zip(after, before, strict=True)]
    return [*kept, torch.where(inside, after[0], torch.zeros_like(after[0]))]


# A sum and a product, not `addmm`: ExecuTorch has a fast kernel of `mm` alone.


def _lstm(cell: Cell, entering: Tensor, state: State, recurrent: Tensor, peephole: Tensor | None = None) -> State:
    hidden, memory = state
    units = hidden.shape[-1]
    gate, squash, out = cell.activations
    gates, new = (entering + torch.mm(hidden, recurrent)).split_with_sizes([3 * units, units], -1)
    if peephole is None:
        enter, show, forget = gate(gates).chunk(3, -1)
        memory = forget * memory + enter * squash(new)
        return show * out(memory), memory
    enter, show, forget = gates.chunk(3, -1)
    peep_enter, peep_show, peep_forget = peephole.chunk(3)
    kept = gate(forget + peep_forget * memory) * memory
    memory = kept + gate(enter + peep_enter * memory) * squash(new)
    return gate(show + peep_show * memory) * out(memory), memory


def _gru(cell: Cell, entering: Tensor, state: State, recurrent: Tensor, bias: Tensor | None = None) -> State:
    (hidden,) = state
    units = hidden.shape[-1]
    gate, squash = cell.activations
    gates, new = entering.split_with_sizes([2 * units, units], -1)
    if bias is None:
        update, reset = gate(gates + torch.mm(hidden, recurrent[:, : 2 * units])).chunk(2, -1)
        new = squash(new + torch.mm(reset * hidden, recurrent[:, 2 * units :]))
    else:
        inner, recalled = (torch.mm(hidden, recurrent) + bias).split_with_sizes([2 * units, units], -1)
        update, reset = gate(gates + inner).chunk(2, -1)
        new = squash(new + reset * recalled)
    return (new + update * (hidden - new),)  # (1 − z) · new + z · h, with one product less


def _rnn(cell: Cell, entering: Tensor, state: State, recurrent: Tensor) -> State:
    return (cell.activations[0](entering + torch.mm(state[0], recurrent)),)


_STEPS: Final[Mapping[str, Callable[..., State]]] = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
