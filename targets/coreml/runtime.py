"""Runs packages: by Core ML itself where there is one, elsewhere by the interpreter, whose evidence is `emulated`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..runtime import Array, RunOptions, Session
from .calling import Calling

NEWEST = "9"
"""The newest version of Core ML's operations that the interpreter knows, iOS 26's."""


class Loaded(Protocol):
    """A package that is loaded, by Core ML or by the interpreter; names are the package's own."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the package holds under its author's own keys."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the package takes.
        """
        ...


class CoreML:
    """Core ML, or on systems without it the interpreter of the packages' documented format."""

    name = "coreml"

    @property
    def emulates(self) -> bool:
        """Whether the interpreter runs packages here."""
        return True

    def version(self) -> str:
        """Give the version of Core ML's operations that can be run."""
        return NEWEST

    def prepare(self) -> None:
        """Import the interpreter.

        Raises:
            ImportError: when protobuf is not installed.
        """
        from .interpreter import session  # noqa: F401 - only so that `load` finds it imported

    def load(self, artifact: Path, options: RunOptions) -> Session:  # noqa: ARG002 - the interpreter has one thread
        """Open a package by its folder or its manifest.

        Raises:
            ValueError: when the file is no package that can be run.
            ImportError: when protobuf is not installed.
        """
        return CoreMLSession(_Interpreted(artifact))


class _Interpreted:
    """A package in the interpreter."""

    def __init__(self, artifact: Path) -> None:
        from .interpreter.session import Session as Interpreter

        self._session = Interpreter(artifact)
        self.metadata: Mapping[str, str] = self._session.program.metadata

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        return self._session.run(inputs)


class CoreMLSession:
    """A loaded package, called by the source's names."""

    def __init__(self, loaded: Loaded) -> None:
        """Take a package.

        Raises:
            ValueError: when what it tells of its names cannot be read.
        """
        self._loaded, self._calling = loaded, Calling.read(loaded.metadata)
        self._own = {source: name for name, source in self._calling.inputs.items()}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the package takes.
        """
        renamed = {self._own.get(name, name): array for name, array in inputs.items()}
        outputs = self._loaded.run(renamed)
        return {self._calling.outputs.get(name, name): np.asarray(array) for name, array in outputs.items()}
