"""Which tile of which task is tried next: where most time would be saved if tiles went on getting better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..schedule.tile import Tile
from .records import Known
from .tasks import Task

PATIENCE = 12
"""Trials without a gain after which a task is left: the most promising tiles come first."""

GAIN = 0.98
"""A time counts as a gain below this share of the best: what is nearer is noise."""


@dataclass(slots=True)
class Search:
    """The order of trials for tasks, by what is known of them."""

    tasks: Sequence[Task]
    known: Known
    budget_s: float

    def next(self) -> tuple[Task, Tile] | None:
        """Give a task and a tile that was not tried; None when nothing is left to try."""
        open_ = [task for task in self.tasks if not self.ends(task)]
        if not open_:
            return None
        first = next((task for task in open_ if not self.known.tried(task.key)), None)
        task = first or max(open_, key=self._promise)
        tried = self.known.tried(task.key)
        return task, next(tile for tile in task.tiles if tile not in tried)

    def ends(self, task: Task) -> bool:
        """Whether nothing more is tried for a task: all was, or long nothing better was found, or it was settled."""
        tried = self.known.tried(task.key)
        if self.known.settled_s(task.key) >= self.budget_s or all(tile in tried for tile in task.tiles):
            return True
        return self.without_gain(task) >= PATIENCE

    def without_gain(self, task: Task) -> int:
        """Give how many trials were made since the last that gained something."""
        best, since = float("inf"), 0
        for ms in self.known.tried(task.key).values():
            if ms is not None and ms < GAIN * best:
                best, since = ms, 0
            else:
                since += 1
        return since

    def _promise(self, task: Task) -> float:
        ranked = self.known.ranked(task.key)
        spent = 1 + self.without_gain(task)
        return task.calls * ranked[0][0] / spent if ranked else 0.0
