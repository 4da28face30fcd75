"""What the devices `browser` and `node` share: a child that serves the job, and facts that it asks for once."""

from __future__ import annotations

import os
import platform
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import psutil

from ..vocabulary.errors import DeviceError
from .agent.context import cpu_model
from .base import Facts, Inspect, Job, JobResult
from .cpu import architecture
from .in_child import Child, ask_child, run_in_child
from .web.engines import ENGINES, Backend, Kind, cannot_open
from .web.job import ASK_FACTS

MODULE = "edgewright.devices.web"
FACTS_SECONDS = 120.0
"""A browser starts in about a second; on a machine that compiles, in several."""
LONGEST_TEMPORARY = 40
"""A browser listens at a socket some 65 characters further down, and no socket's path has more than 107: unix(7)."""
SHORT_TEMPORARY = "/tmp"


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each kind's table in a project file may say."""

    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")


class OnTheWeb(ABC):
    """A device whose jobs are run by engines of the web. A benchmark has the machine to itself."""

    kind: ClassVar[Kind]

    def __init__(self, name: str, backend: Backend, threads: int) -> None:
        """`name` as the project file has it."""
        self.name, self.backend, self.threads = name, backend, threads
        self.cancel = threading.Event()
        self._facts: Facts | None = None
        self._asking = threading.Lock()

    @abstractmethod
    def executable(self) -> Path | None:
        """Give what runs the jobs; None leaves it to Playwright.

        Raises:
            DeviceError: when it is not there.
            MissingExtraError: when a package is not installed.
        """

    def facts(self) -> Facts:
        """Start it once and ask what it is.

        Raises:
            DeviceError: when it cannot be started, or no engine computes on the backend in it.
            MissingExtraError: when a package is not installed.
        """
        with self._asking:
            if self._facts is None:
                self._facts = self._ask()
            return self._facts

    def cannot_open(self, runtime: str) -> str | None:
        """Say which engine is missing, or which backends it has."""
        return cannot_open(self.kind, self.backend, runtime)

    def run(self, job: Job) -> JobResult:
        """Run a job in a child process; `job.output` appears whole or not at all.

        A benchmark leaves its raw result as `result.json` in `job.output`.

        Raises:
            DeviceError: when the job crashed, hung, ran out of memory, was cancelled, or an engine refused the artifact
                or its inputs, or is none for the runtime; the log is in the message.
            MissingExtraError: when a package is not installed.
        """
        reason = self.cannot_open(job.runtime)
        if reason is not None:
            raise DeviceError(f"{self.name} cannot open {job.artifact.name}: {reason}")
        engine = ENGINES[job.runtime]
        if isinstance(job.task, Inspect):
            raise DeviceError(f"{self.name}: {engine.name} shows no inner tensors", hint="inspect on a local device")
        with self._temporary() as temporary:
            said = {**self._place(), "engine": engine.name, "optimize": engine.optimize}
            return run_in_child(job, _child(said, temporary), self.cancel)

    def _ask(self) -> Facts:
        with self._temporary() as temporary:
            scratch = Path(temporary) / "job"
            scratch.mkdir()
            said, _ = ask_child(
                f"{self.name}: asking what it is",
                {"task": ASK_FACTS, "threads": self.threads},
                _child(self._place(), temporary),
                scratch,
                timeout_s=FACTS_SECONDS,
                cancel=self.cancel,
            )
        program = " ".join(said["program"]) + (f" ({self.backend} by {said['gpu']})" if said["gpu"] else "")
        system = f"{platform.system().lower()} {architecture()}"
        return Facts(
            kind=self.kind,
            arch="wasm32",
            os="web",
            cpu=f"{program} on {cpu_model()}, {system}",
            features=tuple(said["features"]),
            cores=os.cpu_count() or 1,
            ram_bytes=psutil.virtual_memory().total,
            runtimes=self._runtimes(said["engines"], program),
        )

    def _runtimes(self, engines: Mapping[str, Mapping[str, str | None]], program: str) -> dict[str, str]:
        found = {
            f"{name}/{self.backend}": str(engine["version"])
            for name, engine in engines.items()
            if engine["lacks"] is None
        }
        if not found:
            reasons = "; ".join(f"{name}: {engine['lacks']}" for name, engine in engines.items())
            raise DeviceError(
                f"{self.name}: {program} computes nothing on {self.backend} ({reasons})",
                hint=f'leave `backend` of [devices.{self.name}] out, or set it to "wasm": every browser has that',
            )
        return found

    def _place(self) -> dict[str, Any]:
        executable = self.executable()
        return {
            "kind": self.kind,
            "backend": self.backend,
            "executable": str(executable) if executable is not None else None,
        }

    @staticmethod
    def _temporary() -> tempfile.TemporaryDirectory[str]:
        """Make the folder of a browser's profile, outside the child, so that it goes when the child was killed too."""
        folder = tempfile.gettempdir()
        if len(folder) > LONGEST_TEMPORARY:
            folder = SHORT_TEMPORARY
        return tempfile.TemporaryDirectory(prefix="edgewright-", dir=folder, ignore_cleanup_errors=True)


def _child(said: Mapping[str, Any], temporary: str) -> Child:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return Child(module=MODULE, environment={**environment, "TMPDIR": temporary}, said=said)
