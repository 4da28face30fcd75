"""A step whose beginning and end are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from .progress import Progress


@contextmanager
def told(step: str, progress: Progress) -> Iterator[None]:
    """Tell that a step begins, and at its end that it is done, or failed when an exception leaves it."""
    started, outcome = time.monotonic(), "failed"
    progress.started(step)
    try:
        yield
        outcome = "done"
    finally:
        progress.finished(step, time.monotonic() - started, outcome)
