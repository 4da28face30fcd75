"""Runs packages: by Core ML itself where there is one, elsewhere by the interpreter, whose evidence is `emulated`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..runtime import Array, RunOptions, Session
from . import apple
from .called import Called
from .calling import Calling
from .function_file import opened

if TYPE_CHECKING:
    from .interpreter.session import Session as Interpreter

NEWEST = "9"
"""The newest version of Core ML's operations that the interpreter knows, iOS 26's."""


class CoreML:
    """Core ML, or on systems without it the interpreter of the packages' documented format."""

    name = "coreml"

    @property
    def emulates(self) -> bool:
        """Whether the interpreter runs packages here."""
        return not apple.is_here()

    def version(self) -> str:
        """Give the version of Core ML's operations that can be run: 5 is that of iOS 15 and macOS 12."""
        return NEWEST if self.emulates else apple.version()

    def prepare(self) -> None:
        """Import what runs packages here.

        Raises:
            ImportError: when it is not installed.
        """
        if self.emulates:
            from .interpreter import session  # noqa: F401 - only so that `load` finds it imported
        else:
            apple.coremltools()

    def load(self, artifact: Path, options: RunOptions) -> Session:  # noqa: ARG002 - neither asks how many threads
        """Open a package by its folder or its manifest, or one of its functions by the file that names it.

        Raises:
            ValueError: when the file is no package that can be run.
            ImportError: when what runs packages here is not installed.
        """
        if not self.emulates:
            return apple.load(artifact)
        from .interpreter.session import Session as Interpreter

        package, function = opened(artifact)
        session = Interpreter(package, function)
        return Called(_Interpreted(session), Calling.read(session.program.metadata, session.function.name))


class _Interpreted:
    """A package in the interpreter."""

    def __init__(self, session: Interpreter) -> None:
        self._session, self.states = session, session.state

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        return self._session.run(inputs)
