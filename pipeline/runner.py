"""Runs steps through the cache, each in a child, and tells the progress."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from ..vocabulary.digest import digest_file
from ..vocabulary.errors import ToolError
from .cache import Cache, key_of
from .child import AnyStep, run_step
from .progress import Progress
from .steps.import_model import ImportModel
from .steps.import_student import ImportStudent
from .steps.read_function import ReadFunction
from .steps.read_rows import ReadRows
from .steps.train_model import TrainModel
from .steps.tune_model import TuneModel
from .told import following, told

USUAL_SECONDS = 1800.0
LONG_SECONDS = 7 * 24 * 3600.0
"""For steps whose budget is the user's; this ends what no longer keeps to it."""


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

    def tuning(self, step: TuneModel) -> Path:
        """Do as `step` for one that takes as long as its user allows, and tells what it has found so far.

        Raises:
            EdgewrightError: as `step` does.
        """
        key = key_of(type(step).__name__, step.key_parts())
        return self.keyed(step.title, key, lambda out: self._followed(step, out))

    def training(self, step: TrainModel) -> Path:
        """Do as `tuning` for a step that goes on where an earlier one was killed, of which it finds what that left.

        Raises:
            EdgewrightError: as `step` does.
        """
        key = key_of(type(step).__name__, step.key_parts())
        at_home = msgspec.structs.replace(step, home=str(self.cache.homes.of(key)))
        entry = self.keyed(step.title, key, lambda out: self._followed(at_home, out))
        self.cache.homes.forget(key)
        return entry

    def _followed(self, step: TuneModel | TrainModel, out: Path) -> None:
        with following(out, step.title, self.progress):
            self.child(step, out, timeout_s=LONG_SECONDS)

    def reading(self, step: ImportModel | ReadRows | ImportStudent | ReadFunction) -> Path:
        """Do as `step` for one that finds out only while running which files it reads.

        Raises:
            EdgewrightError: as `step` does.
        """
        request = key_of(type(step).__name__, step.key_parts())
        return self.traced(
            step.title, request, Path(step.folder), lambda out: self.child(step, out), files_read=step.files_read
        )

    def traced(
        self,
        title: str,
        request: str,
        home: Path,
        make: Callable[[Path], None],
        *,
        files_read: Callable[[Path], tuple[Path, ...]],
    ) -> Path:
        """Do as `keyed` for what also depends on files, of which `files_read` tells from the folder that `make` filled.

        The files that the last run of the same request in the same folder read are remembered; as long as they have
        not changed, the result is found again by their digests. (A request says `model.onnx`; which file that is, the
        folder `home` says.)

        Raises:
            EdgewrightError: what `make` raised.
            ToolError: when the cache cannot be written.
        """
        with self._told(title) as outcome:
            here = key_of("dependencies", {"request": request, "folder": str(home)})
            known = self.cache.dependencies(here)
            found = self.cache.get(_with_files(request, known, home)) if known is not None else None
            if found is not None:
                outcome.append("cached")
                return found
            with self.cache.workspace() as folder:
                make(folder)
                files = files_read(folder)
                entry = self.cache.put(_with_files(request, files, home), folder)
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

    def child(self, step: AnyStep, out: Path, *, timeout_s: float = USUAL_SECONDS) -> None:
        """Run a step in a child, into an empty folder of a workspace.

        Raises:
            EdgewrightError: what the step raised, or how the child ended.
        """
        run_step(step, out, timeout_s=timeout_s, cancel=self.cancel)

    @contextlib.contextmanager
    def _told(self, title: str) -> Iterator[list[str]]:
        with told(title, self.progress) as outcome:
            try:
                yield outcome
            except OSError as error:
                raise ToolError(
                    f"{title}: {error}", hint=f"the cache is {self.cache.path}; EDGEWRIGHT_CACHE_DIR moves it"
                ) from error


def _with_files(request: str, files: tuple[Path, ...], home: Path) -> str:
    home = home.resolve()
    digests = {
        (path.relative_to(home) if path.is_relative_to(home) else path).as_posix(): (
            digest_file(path) if path.is_file() else ""
        )
        for path in files
    }
    return key_of("traced", {"request": request, "files": digests})
