"""The database: one line of JSON for each trial, written at once, so that nothing measured is lost.

Several builds may add to it at the same time: a line is written by one call to a file that is open for appending.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from ..schedule.tile import Tile

FILE_NAME = "trials.jsonl"


class Trial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What became of one tile of the task `key`: milliseconds for one call, or why there are none.

    Without a tile it says that looking for one ended with a budget of `settled_s` seconds.
    """

    key: str
    name: str
    tile: Tile | None = None
    ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    failure: str | None = None
    settled_s: float | None = None


class Known:
    """What is known of tasks, by key."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        """`trials` in the order in which they were made."""
        self._tried: dict[str, dict[Tile, float | None]] = {}
        self._settled: dict[str, float] = {}
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Know one more; of several times of one tile the shortest counts, since other work only ever adds to it."""
        if trial.settled_s is not None:
            self._settled[trial.key] = max(trial.settled_s, self._settled.get(trial.key, 0.0))
        if trial.tile is not None:
            tried = self._tried.setdefault(trial.key, {})
            times = [ms for ms in (trial.ms, tried.get(trial.tile)) if ms is not None]
            tried[trial.tile] = min(times, default=None)

    def among(self, tiles: Mapping[str, Collection[Tile]]) -> Known:
        """Give what is known of these tiles of tasks alone: what is none of the choices is no answer."""
        kept = Known()
        for key, choices in tiles.items():
            tried = {tile: ms for tile, ms in self._tried.get(key, {}).items() if tile in choices}
            if tried:
                kept._tried[key], kept._settled[key] = tried, self.settled_s(key)
        return kept

    def tried(self, key: str) -> dict[Tile, float | None]:
        """Give the tiles tried and the milliseconds of each, None for one that failed."""
        return dict(self._tried.get(key, {}))

    def ranked(self, key: str) -> list[tuple[float, Tile]]:
        """Give milliseconds and tile of what was measured, the fastest first."""
        return sorted((ms, tile) for tile, ms in self._tried.get(key, {}).items() if ms is not None)

    def settled_s(self, key: str) -> float:
        """Give the largest budget with which looking for a tile has ended, 0 when it never has."""
        return self._settled.get(key, 0.0)


class Database:
    """Trials in a folder that outlives builds."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE_NAME

    def read(self) -> Known:
        """Give what is known.

        A line that is cut off, or of another version, is left out: it costs a trial. So is one that failed: what the
        machine could not do then it may do now.
        """
        if not self._path.exists():
            return Known()
        trials = []
        for line in self._path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.MsgspecError):
                trials.append(msgspec.json.decode(line, type=Trial))
        return Known(trial for trial in trials if trial.failure is None)

    def add(self, trial: Trial) -> None:
        """Write one line, whole or not at all, behind whatever stands there."""
        line = b"\n" + msgspec.json.encode(trial) + b"\n"  # the first newline ends a line that was cut off
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, line)
        finally:
            os.close(file)
