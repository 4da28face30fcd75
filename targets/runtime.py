"""The contract of a runtime: what loads and runs an artifact on a device. Standard library and NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
