"""The files that a step reads, whoever reads them: its own code, or the user's that it calls."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PACKAGE = Path(__file__).resolve().parents[1]
_OF_THE_KERNEL = (Path("/proc"), Path("/sys"), Path("/dev"))
_LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")


class FilesRead:
    """Notes, in a `with`, every file that Python opens for reading, and every module that is imported.

    A file that only a library in C opens is not seen, nor is a variable of the environment.
    """

    def __init__(self) -> None:
        """Note nothing yet."""
        self._opened: set[str] = set()
        self._listens = False

    def __enter__(self) -> Self:
        self._listens = True
        sys.addaudithook(self._hear)  # it stays for the life of the process: it cannot be taken back
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listens = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._listens or event != "open":
            return
        path, _, flags = arguments
        if isinstance(path, str | bytes) and isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY:
            try:
                self._opened.add(str(Path(os.fsdecode(path)).absolute()))
            except OSError:  # the working folder is gone, and a relative path leads nowhere
                return

    def paths(self, project: Path, *, packages: Iterable[str], without: Iterable[Path]) -> set[Path]:
        """Give what a project depends on, absolute: all that lies in its folder, and whatever else is not installed.

        Of what is installed the modules of `packages` count. What lies in `without` does not: the step's own files.
        """
        named = set(packages)
        modules = {
            name: file
            for name, module in tuple(sys.modules.items())
            if isinstance(file := getattr(module, "__file__", None), str)
        }
        found = {Path(file).resolve() for name, file in modules.items() if name.partition(".")[0] in named}
        project, own = project.resolve(), [path.resolve() for path in without]
        for path in {Path(file).resolve() for file in (*self._opened, *modules.values())}:
            if path.suffix != ".pyc" and (path.is_relative_to(project) or not _is_installed(path)):
                found.add(path)
        return {path for path in found if path.is_file() and not any(path.is_relative_to(root) for root in own)}


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(root) for root in (_PACKAGE, *_OF_THE_KERNEL, *_installed_roots()))


@cache
def _installed_roots() -> tuple[Path, ...]:
    libraries = (sysconfig.get_path(name) for name in _LIBRARIES)
    return tuple(dict.fromkeys(Path(root).resolve() for root in (*libraries, *site.getsitepackages())))


def packages_of(*references: str | None) -> set[str]:
    """Give the packages that `package.module:attribute` names; a file or nothing names none."""
    places = [(reference or "").partition(":") for reference in references]
    return {place.partition(".")[0] for place, colon, _ in places if colon and not place.endswith(".py")}
