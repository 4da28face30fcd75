"""The machine itself as a device: jobs run in a child process of their own."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
import psutil

from ..targets.runtime import Runtime, why_not_timed
from ..targets.runtimes import installed_runtimes
from ..vocabulary.errors import DeviceError
from ..vocabulary.evidence import Evidence
from ..vocabulary.tables import load_object
from .agent.context import cpu_model
from .base import Benchmark, Facts, Infer, Inspect, Job, JobResult, Samples
from .cpu import architecture, features
from .process import Finished, run_child
from .turn import turn

TURN_TIMEOUT_SECONDS = 3600.0
"""How long a benchmark waits for others on this machine: each of them is bounded by its own job's timeout."""


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[devices.NAME]` of a project file, for `kind = "local"`."""

    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")


class Local:
    """The machine that builds. A benchmark runs alone on it; set `cancel` to end its jobs from another thread."""

    kind: ClassVar[str] = "local"
    Settings: ClassVar[type[LocalSettings]] = LocalSettings

    def __init__(self, name: str, settings: LocalSettings = LocalSettings()) -> None:  # noqa: B008 - it is frozen
        """`name` as the project file has it."""
        self.name = name
        self.threads = settings.threads
        self.cancel = threading.Event()

    def facts(self) -> Facts:
        """Say what this machine is."""
        return Facts(
            kind=self.kind,
            arch=architecture(),
            os=platform.system().lower(),
            cpu=cpu_model(),
            features=features(),
            cores=os.cpu_count() or 1,
            ram_bytes=psutil.virtual_memory().total,
            runtimes=installed_runtimes(),
        )

    def cannot_open(self, runtime: str) -> str | None:
        """Say why, for a runtime whose calls this machine cannot time: they go to another process by a pipe."""
        try:
            return why_not_timed(cast("type[Runtime]", load_object(runtime))())
        except ImportError:
            return None  # that it is missing is said by the job, with its log

    def run(self, job: Job) -> JobResult:
        """Run a job by the agent in a child process; `job.output` appears whole or not at all.

        A benchmark leaves its raw result as `result.json` in `job.output`.

        Raises:
            DeviceError: when the job crashed, hung, ran out of memory, was cancelled, or the runtime refused the
                artifact or its inputs; the log is in the message.
        """
        if job.output.exists():
            raise DeviceError(f"{job.output} is already there")
        alone = isinstance(job.task, Benchmark)
        try:
            scratch = Path(tempfile.mkdtemp(prefix=f".{job.output.name}-", dir=job.output.parent))
        except OSError as error:
            raise DeviceError(f"cannot write beside {job.output}: {error}") from error
        try:
            with turn(timeout_s=TURN_TIMEOUT_SECONDS, cancel=self.cancel) if alone else nullcontext():
                return self._run(job, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run(self, job: Job, scratch: Path) -> JobResult:
        job_file, result_file, output = scratch / "job.json", scratch / "result.json", scratch / "output"
        job_file.write_text(json.dumps(_agent_job(job, output)), "utf-8")
        finished = run_child(
            [sys.executable, "-P", "-m", "edgewright.devices.agent", job_file, result_file],
            env=_environment(),
            timeout_s=job.timeout_s,
            memory_limit_bytes=job.memory_limit_bytes,
            cancel=self.cancel,
        )
        result = _read_result(job, result_file, finished)
        if isinstance(job.task, Benchmark):
            output.mkdir()
            result_file.replace(output / "result.json")
        output.rename(job.output)
        return JobResult(
            runtime=result["runtime"],
            runtime_version=result["runtime_version"],
            evidence=Evidence.EMULATED if result["emulated"] else Evidence.MEASURED_HOST,
            samples=msgspec.convert(result["samples"], Samples | None),
            log=finished.log,
        )


_TASKS: dict[type, str] = {Infer: "infer", Benchmark: "benchmark", Inspect: "inspect"}


def _agent_job(job: Job, output: Path) -> dict[str, Any]:
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


def _environment() -> dict[str, str]:
    """Give the agent's environment: as here, without NumPy's own thread pools, which only take memory and time."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _read_result(job: Job, result_file: Path, finished: Finished) -> dict[str, Any]:
    what = f"{'measuring' if isinstance(job.task, Benchmark) else 'running'} {job.artifact.name} with {job.runtime}"
    if not result_file.exists():
        finished.require_success(f"{what}: the child", DeviceError)
        raise DeviceError(f"{what}: the child gave no result\n{finished.log}")
    result: dict[str, Any] = json.loads(result_file.read_text("utf-8"))
    if "error" in result:
        raise DeviceError(f"{what}: {result['error']}")
    finished.require_success(f"{what}: the child", DeviceError)
    return result
