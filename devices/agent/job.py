"""The job as the agent reads it: plain JSON, so that a device needs nothing but the standard library for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Calls:
    """Which rows go into a call: `rows_per_call` rows together when `batched`, else one row without its first axis."""

    inputs: Path
    rows_per_call: int
    batched: bool

    def __post_init__(self) -> None:
        if self.rows_per_call < 1 or (not self.batched and self.rows_per_call != 1):
            raise ValueError(f"{self.rows_per_call} rows a call (batched: {self.batched}) cannot be meant")


@dataclass(frozen=True, kw_only=True, slots=True)
class Procedure:
    """How long a benchmark measures: both minima must be reached, of the warm-up as of the runs."""

    min_runs: int
    min_seconds: float
    warmup_runs: int
    warmup_seconds: float

    def __post_init__(self) -> None:
        if self.min_runs < 1:
            raise ValueError("a benchmark needs at least one run")


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentJob:
    """What the agent is asked to do: a benchmark has a `procedure`, an inspection `tensors`, an inference neither."""

    runtime: str
    artifact: Path
    threads: int
    output: Path
    calls: Calls
    procedure: Procedure | None = None
    tensors: tuple[str, ...] | None = None

    @classmethod
    def read(cls, path: Path) -> AgentJob:
        """Read the job file that a device wrote.

        Raises:
            OSError: when the file cannot be read.
            ValueError: when it is no job.
        """
        return cls.of(json.loads(path.read_text("utf-8")))

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> AgentJob:
        """Read what a job file holds; what it says beside is left alone.

        Raises:
            ValueError: when it is no job.
        """
        try:
            task = record["task"]
            if task not in ("infer", "benchmark", "inspect"):
                raise ValueError(f"unknown task {task!r}")
            return cls(
                runtime=record["runtime"],
                artifact=Path(record["artifact"]),
                threads=record["threads"],
                output=Path(record["output"]),
                calls=Calls(
                    inputs=Path(record["inputs"]),
                    rows_per_call=record["rows_per_call"],
                    batched=record["batched"],
                ),
                procedure=Procedure(
                    min_runs=record["min_runs"],
                    min_seconds=record["min_seconds"],
                    warmup_runs=record["warmup_runs"],
                    warmup_seconds=record["warmup_seconds"],
                )
                if task == "benchmark"
                else None,
                tensors=tuple(record["tensors"]) if task == "inspect" else None,
            )
        except KeyError as error:
            raise ValueError(f"the job lacks {error}") from error
