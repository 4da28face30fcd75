"""The machine itself as a device: jobs run in a child process of their own."""

from __future__ import annotations

import os
import platform
import threading
from typing import ClassVar, cast

import msgspec
import psutil

from ..targets.runtime import Runtime, why_not_timed
from ..targets.runtimes import accelerators, installed_runtimes
from ..vocabulary.tables import load_object
from .agent.context import cpu_model
from .base import Facts, Job, JobResult
from .cpu import architecture, features
from .in_child import Child, run_in_child

AGENT = "edgewright.devices.agent"


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
            features=(*features(), *accelerators()),
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
        return run_in_child(job, Child(module=AGENT, environment=_environment()), self.cancel)


def _environment() -> dict[str, str]:
    """Give the agent's environment: as here, without NumPy's own thread pools, which only take memory and time."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
