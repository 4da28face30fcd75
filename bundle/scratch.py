"""A folder for unfinished work, beside the place that it will be moved to."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STALE_SECONDS = 60.0
"""Younger leftovers are left alone: their owner may not have locked them yet."""


@contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """Give a new folder on the file system of `out`, locked as long as it is in use.

    What a killed process left for the same `out` is removed first: nobody holds its lock any more.

    Raises:
        OSError: when no folder can be made there.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}-"
    for leftover in out.parent.glob(f"{prefix}*"):
        _remove_if_abandoned(leftover)
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
    lock = os.open(scratch, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # an older build's files, or unfinished ones; nothing is lost
        os.close(lock)


def _remove_if_abandoned(leftover: Path) -> None:
    with suppress(OSError):  # it is another's, or gone already: neither is in the way
        if leftover.is_symlink() or not leftover.is_dir() or time.time() - leftover.stat().st_mtime < STALE_SECONDS:
            return
        lock = os.open(leftover, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover, ignore_errors=True)
        finally:
            os.close(lock)
