"""Looks for the fastest tiles of a module's kernels, for as long as it may."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ....vocabulary.errors import ToolError
from .bench import WORKER, Bench
from .found import Fastest, Found, write_found
from .records import Database, Known, Trial
from .search import Search
from .tasks import Task, tasks_of

TOLD_EVERY_S = 3.0


def tune(
    module: Any,
    target: Any,
    budget_s: float,
    database: Path,
    out: Path,
    told: Callable[[str], None],
    command: Sequence[str] = WORKER,
) -> None:
    """Try tiles for what `schedule.pipeline.fused` gave, and leave the best in the folder `out`, for `tiles_in`.

    `target` is a `tvm.target.Target` of this machine. What the folder `database` knows is not tried again, and each
    trial is added to it at once. A task for which looking has ended with such a budget before gets no trial. `told`
    is given lines of progress. `command` starts what builds and times (`worker`).

    Raises:
        ToolError: when there was something to try and not one trial was measured.
    """
    began = time.monotonic()
    tasks = tasks_of(module, target)
    trials = Database(database)
    known = trials.read().among({task.key: task.tiles for task in tasks})
    search = Search(tasks=tasks, known=known, budget_s=budget_s)
    made, said, failure = 0, began - TOLD_EVERY_S, ""
    with Bench(target, command) as bench:
        while (chosen := search.next()) is not None and time.monotonic() - began < budget_s:
            task, tile = chosen
            answer = bench.time(task, tile)
            trial = Trial(key=task.key, name=task.name, tile=tile, ms=answer.ms, failure=answer.failure)
            trials.add(trial)
            known.add(trial)
            made, failure = made + 1, answer.failure or failure
            if time.monotonic() - said >= TOLD_EVERY_S:
                said = time.monotonic()
                told(_progress(task, tasks, known, made, began + budget_s - said))
    measured = [task for task in tasks if known.ranked(task.key)]
    if tasks and not measured:
        raise _nothing_measured(made, len(tasks), budget_s, failure)
    for task in measured:
        if known.settled_s(task.key) < budget_s:
            trials.add(Trial(key=task.key, name=task.name, settled_s=budget_s))
    missed = [task for task in tasks if not known.ranked(task.key)]
    fastest = {task.key: Fastest(name=task.name, tile=known.ranked(task.key)[0][1]) for task in measured}
    write_found(out, Found(tiles=fastest, defaults=tuple(sorted(task.name for task in missed))))
    # at once: of several lines only the last would be seen
    told("; ".join([_summary(tasks, known, made, time.monotonic() - began), *_defaults(missed, known, failure)]))


def _nothing_measured(made: int, tasks: int, budget_s: float, failure: str) -> ToolError:
    without = "leave tune out: the kernels are then built as they are by default"
    if not made:
        return ToolError(
            f"the budget of {budget_s:g} s was over before a kernel was tried", hint=f"give it minutes, or {without}"
        )
    return ToolError(
        f"not one of {_counted(made, 'trial')} of {_counted(tasks, 'kernel')} was measured: {failure}", hint=without
    )


def _defaults(missed: Sequence[Task], known: Known, failure: str) -> list[str]:
    """Say which tasks keep the default, and why."""
    unmeasured = [task.name for task in missed if known.tried(task.key)]
    said = []
    if unmeasured:
        said.append(f"no trial could be measured of {', '.join(unmeasured)}: the default is kept ({failure})")
    if untried := len(missed) - len(unmeasured):
        said.append(f"the budget was over before {_counted(untried, 'kernel')} had a trial: the default is kept")
    return said


def _progress(task: Task, tasks: Sequence[Task], known: Known, made: int, left_s: float) -> str:
    ranked = known.ranked(task.key)
    best = f"best {ranked[0][0]:.3g} ms" if ranked else "nothing measured yet"
    measured = sum(bool(known.ranked(each.key)) for each in tasks)
    total = (
        f"all kernels {_total_ms(tasks, known):.3g} ms"
        if measured == len(tasks)
        else f"{measured} of {len(tasks)} kernels measured"
    )
    return (
        f"trial {made}, {max(left_s, 0):.0f} s left; {total}; {task.name}: {len(known.tried(task.key))} of "
        f"{len(task.tiles)} tiles, {best}"
    )


def _summary(tasks: Sequence[Task], known: Known, made: int, spent_s: float) -> str:
    default = sum(
        task.calls * (known.tried(task.key).get(task.tiles[0]) or ranked[0][0])
        for task in tasks
        if (ranked := known.ranked(task.key))
    )
    measured = sum(bool(known.ranked(task.key)) for task in tasks)
    those = f"the {measured} that were measured take " if measured < len(tasks) else ""
    return (
        f"{_counted(len(tasks), 'kernel')}, {_counted(made, 'trial')} in {spent_s:.0f} s: {those}{default:.3g} ms by "
        f"default, {_total_ms(tasks, known):.3g} ms with the fastest tiles"
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _total_ms(tasks: Sequence[Task], known: Known) -> float:
    """Give the time of all calls of what was measured."""
    return sum(task.calls * ranked[0][0] for task in tasks if (ranked := known.ranked(task.key)))
