"""A job run by a child process: the job and its result are files, and the output is whole or not there."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..vocabulary.errors import DeviceError
from ..vocabulary.evidence import Evidence
from .base import Benchmark, Infer, Inspect, Job, JobResult, Samples
from .process import Finished, run_child
from .turn import turn

TURN_TIMEOUT_SECONDS = 3600.0
"""How long a benchmark waits for others on this machine: each of them is bounded by its own job's timeout."""

_TASKS: dict[type, str] = {Infer: "infer", Benchmark: "benchmark", Inspect: "inspect"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """What is started as `python -m MODULE JOB.json RESULT.json`."""

    module: str
    environment: Mapping[str, str]
    """Its whole environment."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What its job says beside what `devices.agent.job` reads."""


def run_in_child(job: Job, child: Child, cancel: threading.Event) -> JobResult:
    """Run a job in a child; a benchmark waits for the machine's turn, and leaves its raw result as `result.json`.

    Raises:
        DeviceError: when the output is there already, or the job crashed, hung, ran out of memory, was cancelled, or
            was refused; the log is in the message.
    """
    if job.output.exists():
        raise DeviceError(f"{job.output} is already there")
    alone = isinstance(job.task, Benchmark)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{job.output.name}-", dir=job.output.parent))
    except OSError as error:
        raise DeviceError(f"cannot write beside {job.output}: {error}") from error
    try:
        with turn(timeout_s=TURN_TIMEOUT_SECONDS, cancel=cancel) if alone else nullcontext():
            return _run(job, child, cancel, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def ask_child(
    what: str,
    record: Mapping[str, Any],
    child: Child,
    scratch: Path,
    *,
    timeout_s: float,
    memory_limit_bytes: int | None = None,
    cancel: threading.Event,
) -> tuple[dict[str, Any], Finished]:
    """Hand a child its job by the existing folder `scratch`; give its result, `RESULT.json`, and how it ended.

    Raises:
        DeviceError: when the result is an error, or there is none; the message begins with `what`.
    """
    job_file, result_file = scratch / "job.json", scratch / "result.json"
    job_file.write_text(json.dumps({**record, **child.said}), "utf-8")
    finished = run_child(
        [sys.executable, "-P", "-m", child.module, job_file, result_file],
        env=child.environment,
        timeout_s=timeout_s,
        memory_limit_bytes=memory_limit_bytes,
        cancel=cancel,
    )
    if not result_file.exists():
        finished.require_success(f"{what}: the child", DeviceError)
        raise DeviceError(f"{what}: the child gave no result\n{finished.log}")
    result: dict[str, Any] = json.loads(result_file.read_text("utf-8"))
    if "error" in result:
        log = f"\n{finished.log.rstrip()}" if result.get("see_log") and finished.log.strip() else ""
        raise DeviceError(f"{what}: {result['error']}{log}", hint=result.get("hint"))
    finished.require_success(f"{what}: the child", DeviceError)
    return result, finished


def _run(job: Job, child: Child, cancel: threading.Event, scratch: Path) -> JobResult:
    output = scratch / "output"
    result, finished = ask_child(
        f"{'measuring' if isinstance(job.task, Benchmark) else 'running'} {job.artifact.name} with {job.runtime}",
        _record(job, output),
        child,
        scratch,
        timeout_s=job.timeout_s,
        memory_limit_bytes=job.memory_limit_bytes,
        cancel=cancel,
    )
    if isinstance(job.task, Benchmark):
        output.mkdir()
        (scratch / "result.json").replace(output / "result.json")
    output.rename(job.output)
    return JobResult(
        runtime=result["runtime"],
        runtime_version=result["runtime_version"],
        evidence=Evidence.EMULATED if result["emulated"] else Evidence.MEASURED_HOST,
        samples=msgspec.convert(result["samples"], Samples | None),
        log=finished.log,
    )


def _record(job: Job, output: Path) -> dict[str, Any]:
    """Say a job as `devices.agent.job` reads it."""
    task = {key: getattr(job.task, key) for key in job.task.__struct_fields__}
    return {
        "task": _TASKS[type(job.task)],
        **{key: str(value) if isinstance(value, Path) else value for key, value in task.items()},
        "runtime": job.runtime,
        "artifact": str(job.artifact),
        "threads": job.threads,
        "output": str(output),
    }
