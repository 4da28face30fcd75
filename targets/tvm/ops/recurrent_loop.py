"""LSTM, GRU and RNN as one loop over time, a function of its own however long the sequence is.

A tensor expression cannot say that a step needs the one before; so the loop is written statement by statement. The
inner loops run along the rows of the turned weights, which stand one behind the other in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..toolkit import script, te, tirx
from .gates import Activation

UNROLLED = 4
"""Rows of the weights that one pass over the gates adds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One direction of a recurrent layer: `steps` of a `batch` with `hidden` units, all of `dtype`.

    `back`: from the last step to the first. `resets_after`: a GRU that resets the product with its state, and not the
    state before. `lengths`: sequences may end before the last step. `peepholes`: an LSTM whose gates see its memory.
    """

    op: str
    steps: int
    batch: int
    hidden: int
    dtype: str
    activations: Sequence[Activation]
    back: bool
    resets_after: bool
    lengths: bool
    peepholes: bool

    @property
    def gates(self) -> int:
        """How many gates it has."""
        return {"LSTM": 4, "GRU": 3, "RNN": 1}[self.op]

    @property
    def names(self) -> tuple[str, ...]:
        """What `loop` takes, in order.

        `products` [steps, batch, gates · H] of inputs and weights, with all that can be added before; `weight`
        [H, gates · H]; `bias` [H] of a GRU that resets after; `peephole` [3 · H]; `lengths` int32[batch]; then the
        states before the first step, [batch, H].
        """
        names = ["products", "weight"]
        names += ["bias"] * self.resets_after + ["peephole"] * self.peepholes + ["lengths"] * self.lengths
        return (*names, *(f"first_{state}" for state in self.states))

    @property
    def states(self) -> tuple[str, ...]:
        """The states that go from step to step."""
        return ("hidden", "memory") if self.op == "LSTM" else ("hidden",)

    @property
    def scratch(self) -> tuple[str, ...]:
        """What is only needed inside."""
        return ("work", "inner", "reset") if self.op == "GRU" else ("work",)

    def loop(self, *tensors: Any) -> list[Any]:
        """Give the state at every step [steps, batch, H], zero behind the end of a sequence, the last states, scratch.

        `tensors`: `tvm.te.Tensor`, as `names` says.
        """
        names = ("every", *self.states, *self.scratch)
        shapes = {"every": (self.steps, self.batch, self.hidden), "work": (self.batch, self.gates * self.hidden)}

        def body(given: Sequence[Any], made: Sequence[Any]) -> Any:
            buffers = dict(zip((*self.names, *names), (*given, *made), strict=True))
            with script().IRBuilder() as written:
                with script().tirx.seq_scope():
                    Writer(self, buffers).write()
                return written.get()

        made: list[Any] = te().extern(
            [shapes.get(name, (self.batch, self.hidden)) for name in names],
            [*tensors],
            body,
            name=self.op.lower(),
            dtype=[self.dtype] * len(names),
        )
        return made


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the statements of a cell over its buffers."""

    cell: Cell
    buffers: dict[str, Any]

    def write(self) -> None:
        """Write the whole loop."""
        cell = self.cell
        for state in cell.states:
            with self._units() as at:
                self._put(state, at, self._get(f"first_{state}", *at))
        with self._each(cell.steps) as step:
            place = cell.steps - 1 - step if cell.back else step
            with script().tirx.seq_scope():
                with self._each(cell.batch) as sample, self._each(cell.gates * cell.hidden) as gate:
                    self._put("work", (sample, gate), self._get("products", place, sample, gate))
                {"LSTM": self._lstm, "GRU": self._gru, "RNN": self._rnn}[cell.op](place)

    def _rnn(self, place: Any) -> None:
        self._add_products("work", "hidden", 0, self.cell.hidden)
        with self._units() as at:
            self._end_step(place, at, self._gate(0, at))

    def _lstm(self, place: Any) -> None:
        cell = self.cell
        self._add_products("work", "hidden", 0, 4 * cell.hidden)
        with self._units() as at, script().tirx.seq_scope():
            memory = self._get("memory", *at)
            entry, forget = (self._gate(0, at, gate, self._peep(at, peep, memory)) for gate, peep in ((0, 0), (2, 2)))
            kept = forget * memory + entry * self._gate(1, at, 3)
            self._put("memory", at, self._if_active(place, at, kept, memory))
            new = self._get("memory", *at)
            out = self._gate(0, at, 1, self._peep(at, 1, new))
            self._end_step(place, at, out * cell.activations[2](new))

    def _gru(self, place: Any) -> None:
        cell, width = self.cell, self.cell.hidden
        self._add_products("work", "hidden", 0, 2 * width)
        with self._units() as at, script().tirx.seq_scope():
            start = self._get("bias", at[1]) if cell.resets_after else tirx().const(0, cell.dtype)
            self._put("inner", at, start)
            self._put("reset", at, self._gate(0, at, 1) * (1.0 if cell.resets_after else self._get("hidden", *at)))
        self._add_products("inner", "hidden" if cell.resets_after else "reset", 2 * width, width)
        with self._units() as at:
            inner = self._get("inner", *at)
            recalled = self._get("reset", *at) * inner if cell.resets_after else inner
            new, update, old = self._gate(1, at, 2, recalled), self._gate(0, at, 0), self._get("hidden", *at)
            self._end_step(place, at, (tirx().const(1, cell.dtype) - update) * new + update * old)

    def _end_step(self, place: Any, at: tuple[Any, Any], new: Any) -> None:
        """Keep the new state and show it, unless the sequence has ended."""
        with script().tirx.seq_scope():
            zero = tirx().const(0, self.cell.dtype)
            if self.cell.lengths:
                self._put("every", (place, *at), self._if_active(place, at, new, zero))
                shown, old = self._get("every", place, *at), self._get("hidden", *at)
                self._put("hidden", at, self._if_active(place, at, shown, old))
            else:
                self._put("hidden", at, new)
                self._put("every", (place, *at), self._get("hidden", *at))

    def _if_active(self, place: Any, at: tuple[Any, Any], new: Any, old: Any) -> Any:
        if not self.cell.lengths:
            return new
        return tirx().Select(place < self._get("lengths", at[0]), new, old)

    def _gate(self, activation: int, at: tuple[Any, Any], gate: int = 0, more: Any = None) -> Any:
        """Give what a gate lets through: an activation of its sums, and of what is added."""
        total = self._get("work", at[0], at[1] + gate * self.cell.hidden)
        return self.cell.activations[activation](total if more is None else total + more)

    def _peep(self, at: tuple[Any, Any], gate: int, memory: Any) -> Any:
        if not self.cell.peepholes:
            return None
        return self._get("peephole", at[1] + gate * self.cell.hidden) * memory

    def _add_products(self, target: str, source: str, start: int, width: int) -> None:
        """Add to `target` [batch, width] the product of `source` [batch, H] and so many columns of the weights."""
        hidden = self.cell.hidden
        rows = UNROLLED if hidden % UNROLLED == 0 else 1
        with (
            self._each(hidden // rows) as block,
            self._each(self.cell.batch) as sample,
            self._each(width) as column,
        ):
            total = self._get(target, sample, column)
            for row in range(rows):
                factor = self._get(source, sample, block * rows + row)
                total = total + factor * self._get("weight", block * rows + row, column + start)
            self._put(target, (sample, column), total)

    @contextmanager
    def _units(self) -> Iterator[tuple[Any, Any]]:
        with self._each(self.cell.batch) as sample, self._each(self.cell.hidden) as unit:
            yield sample, unit

    def _each(self, count: int) -> Any:
        """Open a loop over so many numbers, which it gives."""
        return script().tirx.serial(0, count)

    def _get(self, name: str, *at: Any) -> Any:
        return self.buffers[name][at]

    def _put(self, name: str, at: tuple[Any, ...], value: Any) -> None:
        script().tirx.buffer_store(self.buffers[name], value, [*at])
