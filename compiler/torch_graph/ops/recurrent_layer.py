"""LSTM, GRU and RNN as one layer of PyTorch.

The products with the inputs are done for all steps at once. The steps are a loop of Python where PyTorch computes, and
its operator `scan` where the layer is exported, so that a layer of any length is a handful of operators there: its own
LSTM is written out step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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


class Weights(NamedTuple):
    """What one direction multiplies by and adds, the gates in ONNX's order."""

    weight: Tensor
    """[gates · H, I], for the input."""
    recurrent: Tensor
    """[H, gates · H], for the state."""
    bias: Tensor | None
    """[gates · H], of the input, and of the state too where that is no other."""
    inner_bias: Tensor | None
    """[gates · H], of the state, where it is added before the reset."""
    peephole: Tensor | None
    """[3 · H]."""


def weights_of(
    cell: Cell, weight: Any, recurrent: Any, bias: Any | None, peephole: Any | None
) -> tuple[Any, Any, Any | None, Any | None, Any | None]:
    """Give `Weights` of one direction as ONNX has them: [gates · H, I], [gates · H, H], [2 · gates · H], [3 · H]."""
    width, inner = len(recurrent), None
    if bias is not None:
        own, inner = bias[:width], bias[width:]
        bias, inner = (own, inner) if cell.resets_after else (own + inner, None)
    return weight, recurrent.T, bias, inner, peephole


class Direction(nn.Module):
    """The weights of one direction as parameters, by the names of `Weights`."""

    def weights(self) -> Weights:
        """Give them; what is not there is None."""
        return Weights(*(getattr(self, name, None) for name in Weights._fields))  # type: ignore[arg-type]  # two are always there


class Recurrent(nn.Module):
    """The directions of one layer. What is not its own of `OPERANDS` is given to `forward`."""

    def __init__(
        self, cells: Sequence[Cell], directions: Sequence[Direction], given: Sequence[str], batch_first: bool
    ) -> None:
        """`given` names the operands of `forward` behind x; there are no `directions` where weights are among them."""
        super().__init__()
        self.cells, self.given, self.batch_first = tuple(cells), tuple(given), batch_first
        self.directions = nn.ModuleList(directions)

    def forward(self, x: Tensor, *operands: Tensor) -> tuple[Tensor, ...]:
        """Run x [steps, batch, I], or with the batch first; shapes of all others, and of the results, are ONNX's."""
        named: dict[str, Tensor | None] = {name: getattr(self, name, None) for name in OPERANDS}
        named.update(zip(self.given, operands, strict=True))
        x = x.transpose(0, 1) if self.batch_first else x
        for name in ("hidden", "memory"):
            state = named[name]
            named[name] = state.transpose(0, 1) if state is not None and self.batch_first else state
        runs = [_run(cell, x, self._weights(named, place), named, place) for place, cell in enumerate(self.cells)]
        sequence = torch.stack([every for every, _ in runs], 1)
        last = [torch.stack(states, 0) for states in zip(*(states for _, states in runs), strict=True)]
        if self.batch_first:
            return sequence.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last)
        return sequence, *last

    def _weights(self, named: Mapping[str, Tensor | None], place: int) -> Weights:
        if self.directions:
            direction = self.directions[place]
            assert isinstance(direction, Direction)
            return direction.weights()
        own = (_at(named[name], place) for name in ("weight", "recurrent", "bias", "peephole"))
        return Weights(*weights_of(self.cells[place], *own))


def _run(
    cell: Cell, x: Tensor, weights: Weights, named: Mapping[str, Tensor | None], place: int
) -> tuple[Tensor, State]:
    """Run one direction; give its first state at every step, [steps, batch, H], and the last states."""
    shared = [part for part in (weights.recurrent, weights.inner_bias, weights.peephole) if part is not None]
    given = (_at(named[name], place) for name in ("hidden", "memory")[: 2 if cell.op == "LSTM" else 1])
    states = [x.new_zeros(x.shape[1], weights.recurrent.shape[0]) if state is None else state for state in given]
    xs, lengths = [functional.linear(x, weights.weight, weights.bias)], named["lengths"]
    if lengths is not None:
        xs.append((torch.arange(x.shape[0], device=x.device).unsqueeze(1) < lengths).unsqueeze(-1))
    xs = [part.flip(0) for part in xs] if cell.backwards else xs
    *last, every = _loop(partial(_step, cell, lengths is not None), states, xs, shared)
    return (every.flip(0) if cell.backwards else every), tuple(last)


def _at(operand: Tensor | None, place: int) -> Tensor | None:
    return None if operand is None else operand[place]


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
    if not cell.resets_after:
        update, reset = gate(gates + torch.mm(hidden, recurrent[:, : 2 * units])).chunk(2, -1)
        new = squash(new + torch.mm(reset * hidden, recurrent[:, 2 * units :]))
    else:
        product = torch.mm(hidden, recurrent)
        inner, recalled = (product if bias is None else product + bias).split_with_sizes([2 * units, units], -1)
        update, reset = gate(gates + inner).chunk(2, -1)
        new = squash(new + reset * recalled)
    return ((1 - update) * new + update * hidden,)


def _rnn(cell: Cell, entering: Tensor, state: State, recurrent: Tensor) -> State:
    return (cell.activations[0](entering + torch.mm(state[0], recurrent)),)


_STEPS: Final[Mapping[str, Callable[..., State]]] = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
