"""A step whose beginning and end are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..vocabulary.errors import RefusedError
from .progress import Progress


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
