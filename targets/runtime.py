"""The contract of a runtime: what loads and runs an artifact on a device. Standard library and NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How an artifact is run."""

    threads: int = 1


class Session(Protocol):
    """An artifact that is loaded and ready."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once; names are those of the artifact's signature. The arrays given back belong to the caller.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the artifact takes.
        """
        ...


class Runtime(Protocol):
    """Loads artifacts. Constructed without arguments; its package is imported by `prepare` and `load`, not before."""

    name: str
    """The distribution that holds the runtime, `ai-edge-litert`."""

    def version(self) -> str:
        """Give the installed version.

        Raises:
            ImportError: when the runtime is not installed (`importlib.metadata.PackageNotFoundError` is one).
        """
        ...

    def prepare(self) -> None:
        """Import the runtime's own package, so that a `load` that is timed pays for the artifact alone.

        Raises:
            ImportError: when the runtime is not installed.
        """
        ...

    def load(self, artifact: Path, options: RunOptions) -> Session:
        """Open an artifact by its first file.

        Raises:
            ValueError: when the file is no artifact that this runtime can run.
            ImportError: when the runtime is not installed.
        """
        ...


@runtime_checkable
class InspectableRuntime(Protocol):
    """What a runtime has beside `Runtime` when it can show tensors from the inside of an artifact."""

    def load_inspectable(self, artifact: Path, options: RunOptions, tensors: Sequence[str]) -> Session:
        """Open an artifact so that `run` gives these tensors instead of its outputs; outputs may be among them.

        Tensors go by the keys that `targets.base.Transparent.inner_tensors` gives, and come as the artifact holds them:
        other layouts and integers as they are. The kernels are those of `load` as far as the runtime allows it.

        Raises:
            ValueError: when the file is no artifact that can be shown so, or has no such tensor.
            ImportError: when the runtime is not installed.
        """
        ...


@runtime_checkable
class Emulator(Protocol):
    """What a runtime has beside `Runtime` when it may not be the one that devices have."""

    @property
    def emulates(self) -> bool:
        """Whether something else stands for the format's own runtime here: what it computes is `emulated` evidence.

        How fast it is says nothing.
        """
        ...


def is_emulated(runtime: Runtime) -> bool:
    """Whether artifacts are emulated by a runtime, as it stands here."""
    return isinstance(runtime, Emulator) and runtime.emulates


@runtime_checkable
class Accelerated(Protocol):
    """What a runtime has beside `Runtime` when it computes on accelerators."""

    def accelerators(self) -> tuple[str, ...]:
        """Name those of this machine that it can use, as `Requirements.accelerator` does: `cuda sm_86`."""
        ...


@runtime_checkable
class Piped(Protocol):
    """What a runtime has beside `Runtime` when it computes in another process, and arrays go there through a pipe.

    What it computes counts like any other runtime's. How long it takes, and how much memory, says nothing: that is the
    pipe's time, and another process's memory.
    """

    @property
    def measured_by(self) -> str:
        """Say in a sentence which devices measure it instead."""
        ...


def why_not_timed(runtime: Runtime) -> str | None:
    """Say in a sentence why a call of this runtime cannot be timed, and what to do; None when it can."""
    if not isinstance(runtime, Piped):
        return None
    return f"{runtime.name} is behind a pipe here, and a call takes the pipe's time. {runtime.measured_by}"
