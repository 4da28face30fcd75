"""The memory that processes have to themselves, without the pages of files that the kernel can drop at any time."""

from __future__ import annotations

import os
import threading
from pathlib import Path

INTERVAL_S = 0.01


class PeakOfDescendants:
    """Watches everything below this process: the most private memory that one process held.

    `ru_maxrss` counts mapped files too, so it grows with data that is only looked at row by row. Linux keeps no peak of
    the private part (`RssAnon`); it is sampled.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakOfDescendants:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL_S):
            self.peak_bytes = max([self.peak_bytes, *(_private_bytes(pid) for pid in _descendants())])


def _descendants() -> set[int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
    found, fresh = set(), {os.getpid()}
    while fresh := {pid for pid, parent in parents.items() if parent in fresh} - found:
        found |= fresh
    return found


def _private_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)
