"""Folders in which steps that take long keep what they have so far: a kill costs them little."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


class Homes:
    """A folder for each key, there until its step is done. Whoever works in one holds its lock (`held`)."""

    def __init__(self, path: Path) -> None:
        """All of them lie in `path`, which is made when the first is."""
        self._path = path

    def of(self, key: str) -> Path:
        """Give the folder of a key; it may not be there yet."""
        return self._path / key

    def forget(self, key: str) -> None:
        """Remove the folder of a key, unless somebody works in it."""
        _remove(self.of(key))

    def clear(self) -> None:
        """Remove all folders in which nobody works."""
        for home in self._all():
            _remove(home)

    def usage(self) -> tuple[int, int]:
        """How many there are, and how many bytes they take."""
        homes = self._all()
        return len(homes), sum(_size(file) for home in homes for file in home.rglob("*"))

    def _all(self) -> list[Path]:
        return sorted(path for path in self._path.glob("*") if path.is_dir())


@contextlib.contextmanager
def held(home: Path) -> Iterator[None]:
    """Make a folder, and work in it alone. Who comes second waits; the kernel ends the wait when a process dies."""
    home.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with _guard(home).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_still(home, lock.fileno()):  # it was removed while we waited
                continue
            home.mkdir(exist_ok=True)
            yield
            return


def _remove(home: Path) -> None:
    with contextlib.suppress(FileNotFoundError), _guard(home).open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody works in it
            return
        shutil.rmtree(home, ignore_errors=True)
        _guard(home).unlink(missing_ok=True)


def _guard(home: Path) -> Path:
    return home.with_name(f"{home.name}.lock")


def _is_still(home: Path, handle: int) -> bool:
    try:
        return os.fstat(handle).st_ino == _guard(home).stat().st_ino
    except FileNotFoundError:
        return False


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:  # it was replaced meanwhile
        return 0
