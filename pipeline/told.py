"""A step whose beginning and end are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..vocabulary.errors import RefusedError
from .progress import Progress
from .steps.tune_model import TOLD

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
def following(out: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Hand on the line of progress that a child leaves beside its folder `out`, whenever it is another."""
    ended, place = threading.Event(), out.with_name(out.name + TOLD)

    def follow() -> None:
        last = ""
        over = False
        while not over:
            over = ended.wait(POLL_SECONDS)  # what was said last is read once more at the end
            if place.is_file() and (line := place.read_text("utf-8")) != last:
                note(line)
                last = line

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        place.unlink(missing_ok=True)
