"""Progress for people: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Self

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

SHOWN_AFTER_S = 1.0
"""Steps shorter than this come and go unseen on a terminal."""
NOTED_EVERY_S = 30.0
"""Lines of a log that say how a step goes are at least this far apart."""


class Lines:
    """One line a step when it ends: `compile tflite-fp32 … 0.84 s`."""

    def __init__(self, stream: IO[str]) -> None:
        """Write to this stream."""
        self._stream = stream
        self._noted: dict[str, float] = {}
        self._unsaid: dict[str, str] = {}

    def started(self, step: str) -> None:
        """Say nothing: steps run side by side, and a half-written line would be broken by the next one's."""

    def announced(self, text: str) -> None:
        """Write it."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def advanced(self, step: str, done: int, total: int) -> None:
        """Say nothing: a log wants no counters."""

    def noted(self, step: str, text: str) -> None:
        """Write it where the last line of this step is long ago: a log wants to know that something goes on."""
        now = time.monotonic()
        if now - self._noted.get(step, -math.inf) >= NOTED_EVERY_S:
            self._noted[step] = now
            self._unsaid.pop(step, None)
            self._stream.write(f"{step}: {text}\n")
            self._stream.flush()
        else:
            self._unsaid[step] = text

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Write the line, and before it what the step said last."""
        if (text := self._unsaid.pop(step, None)) is not None:
            self._stream.write(f"{step}: {text}\n")
        self._stream.write(f"{step} … {told(seconds, outcome)}\n")
        self._stream.flush()


class Bars:
    """A bar for each running step that has taken over a second; a line stays of each when it has ended."""

    def __init__(self, console: Console, *, every_step: bool) -> None:
        """Draw on a terminal; `every_step` leaves a line of short steps as well."""
        self._every_step = every_step
        self._progress = _LongSteps(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, step: str) -> None:
        """Begin a bar that moves until the step says how far it is."""
        with self._lock:
            self._tasks[step] = self._progress.add_task(step, total=None, count="", note="")

    def announced(self, text: str) -> None:
        """Leave it as a line above the bars."""
        self._progress.console.print(text, markup=False)

    def advanced(self, step: str, done: int, total: int) -> None:
        """Move the bar."""
        with self._lock:
            task = self._tasks.get(step)
            if task is not None:
                self._progress.update(task, completed=done, total=total, count=f"{done} of {total}")

    def noted(self, step: str, text: str) -> None:
        """Write it below the bar."""
        with self._lock:
            task = self._tasks.get(step)
            if task is not None:
                self._progress.update(task, note=text)

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Take the bar away and leave a line, and below it what the step said last."""
        with self._lock:
            task, note = self._tasks.pop(step, None), ""
            if task is not None:
                note = next(each.fields["note"] for each in self._progress.tasks if each.id == task)
                self._progress.remove_task(task)
            if self._every_step or seconds >= SHOWN_AFTER_S or outcome not in ("done", "cached"):
                colour, mark = _MARKS.get(outcome, ("green", "✓"))
                line = Text.from_markup(f"[{colour}]{mark}[/] {escape(step)} [dim]{escape(told(seconds, outcome))}[/]")
                below = [Padding(Text(note, style="dim"), (0, 0, 0, 2), expand=False)] if note else []
                self._progress.console.print(Group(line, *below))


class _LongSteps(Progress):
    """Draws only the steps that have run for a while, and below them a line with what each says of how it goes."""

    def get_renderables(self) -> Iterable[RenderableType]:
        shown = [task for task in self.tasks if (task.elapsed or 0.0) >= SHOWN_AFTER_S]
        yield self.make_tasks_table(shown)
        for note in [task.fields["note"] for task in shown]:
            if note:
                yield Text(f"  {note}", style="dim", no_wrap=True, overflow="ellipsis")


_MARKS = {"failed": ("red", "✗"), "refused": ("yellow", "✗")}


def told(seconds: float, outcome: str) -> str:
    """Say how a step ended: `0.84 s`, `cached`, `refused after 0.84 s`."""
    if outcome == "done":
        return f"{seconds:.2f} s"
    return outcome if outcome == "cached" else f"{outcome} after {seconds:.2f} s"
