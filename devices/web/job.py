"""The job as the child of a web device reads it: what the agent's says, and beside it what runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agent.job import AgentJob
from .engines import Backend, Kind

ASK_FACTS = "facts"
"""The task of a job that runs nothing: what are you?"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a job runs: in a page or in Node, on which backend, with how many threads."""

    kind: Kind
    backend: Backend
    threads: int
    executable: Path | None
    """Chromium or Node; None: the Chromium that Playwright has installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """An artifact and what to do with it, and the engine that does it."""

    engine: str
    optimize: bool
    job: AgentJob


@dataclass(frozen=True, kw_only=True, slots=True)
class WebJob:
    """What the child is asked to do; without a run it asks what the place is."""

    place: Place
    run: Run | None

    @classmethod
    def read(cls, path: Path) -> WebJob:
        """Read the job file that a device wrote.

        Raises:
            OSError: when the file cannot be read.
            ValueError: when it is no job.
        """
        record: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        try:
            executable = record["executable"]
            place = Place(
                kind=record["kind"],
                backend=record["backend"],
                threads=record["threads"],
                executable=Path(executable) if executable is not None else None,
            )
            if record["task"] == ASK_FACTS:
                return cls(place=place, run=None)
            run = Run(engine=record["engine"], optimize=record["optimize"], job=AgentJob.of(record))
        except KeyError as error:
            raise ValueError(f"the job lacks {error}") from error
        if run.job.tensors is not None:
            raise ValueError(f"{run.engine} shows no inner tensors")
        return cls(place=place, run=run)
