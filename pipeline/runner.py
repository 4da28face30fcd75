"""Runs steps through the cache, each in a child, and tells the progress."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ..vocabulary.digest import digest_file
from ..vocabulary.errors import ToolError
from .cache import Cache, key_of
from .child import AnyStep, run_step
from .progress import Progress
from .steps.import_model import ImportModel
from .told import told


class Runner:
    """What every step of one build shares."""

    def __init__(self, cache: Cache, progress: Progress) -> None:
        """`progress` is told of every step, from several threads at once."""
        self.cache = cache
        self.progress = progress
        self.cancel = threading.Event()

    def step(self, step: AnyStep) -> Path:
        """Give the folder of a step's result, from the cache or from a child.

        Raises:
            EdgewrightError: what the step raised.
            ToolError: when the child crashed, hung or ran out of memory, or the cache cannot be written.
        """
        key = key_of(type(step).__name__, step.key_parts())
        return self.keyed(step.title, key, lambda out: self.child(step, out))

    def import_model(self, step: ImportModel) -> Path:
        """Do as `step` for an import, which finds out only while running which files it reads.

        The files that the last import of the same request in the same folder read are remembered; as long as they have
        not changed, the result is found again by their digests. (A request says `model.onnx`; which file that is, the
        folder says.)

        Raises:
            EdgewrightError: as `step` does.
        """
        request = key_of(type(step).__name__, step.key_parts())
        with self._told(step.title) as outcome:
            here = key_of("dependencies", {"request": request, "folder": step.folder})
            known = self.cache.dependencies(here)
            found = self.cache.get(_with_files(request, known)) if known is not None else None
            if found is not None:
                outcome.append("cached")
                return found
            with self.cache.workspace() as folder:
                self.child(step, folder)
                files = step.files_read(folder)
                entry = self.cache.put(_with_files(request, files), folder)
            self.cache.record_dependencies(here, files)
            return entry

    def keyed(self, title: str, key: str, make: Callable[[Path], None]) -> Path:
        """Give the folder of this key; `make` fills it when the cache has none.

        Raises:
            EdgewrightError: what `make` raised.
            ToolError: when the cache cannot be written.
        """
        with self._told(title) as outcome:
            entry, cached = self.cache.get_or_make(key, make)
            if cached:
                outcome.append("cached")
            return entry

    def child(self, step: AnyStep, out: Path) -> None:
        """Run a step in a child, into an empty folder of a workspace.

        Raises:
            EdgewrightError: what the step raised, or how the child ended.
        """
        run_step(step, out, cancel=self.cancel)

    @contextlib.contextmanager
    def _told(self, title: str) -> Iterator[list[str]]:
        with told(title, self.progress) as outcome:
            try:
                yield outcome
            except OSError as error:
                raise ToolError(
                    f"{title}: {error}", hint=f"the cache is {self.cache.path}; EDGEWRIGHT_CACHE_DIR moves it"
                ) from error


def _with_files(request: str, files: tuple[Path, ...]) -> str:
    digests = sorted((path.name, digest_file(path) if path.is_file() else "") for path in files)
    return key_of("import", {"request": request, "files": digests})
