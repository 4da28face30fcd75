"""A step whose beginning and end are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..vocabulary.errors import RefusedError
from .progress import Progress
from .steps.telling import heard, place_of

POLL_SECONDS = 1.0
"""How often the line of progress of a child is looked at."""


@contextmanager
def told(step: str, progress: Progress) -> Iterator[list[str]]:
    """Tell that a step begins, and how it ended: done, or failed or refused when an exception leaves it.

    Whoever runs the step may append another outcome (`cached`) to the list.
    """
    started, outcome = time.monotonic(), ["done"]
    progress.started(step)
    try:
        yield outcome
    except RefusedError:
        outcome.append("refused")
        raise
    except BaseException:
        outcome.append("failed")
        raise
    finally:
        progress.finished(step, time.monotonic() - started, outcome[-1])


@contextmanager
def following(out: Path, step: str, progress: Progress) -> Iterator[None]:
    """Hand on how a child says that it goes with its folder `out`, whenever it says something else."""
    ended = threading.Event()

    def follow() -> None:
        last = None
        over = False
        while not over:
            over = ended.wait(POLL_SECONDS)  # what was said last is read once more at the end
            if (line := heard(out)) is not None and line != last:
                if line.total:
                    progress.advanced(step, line.done, line.total)
                progress.noted(step, line.text)
                last = line

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        place_of(out).unlink(missing_ok=True)
