"""Calibrates the models that recipes need to know the values of: each once, whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..vocabulary.digest import digest_bytes, digest_file
from ..vocabulary.errors import ConfigError
from .config import Project
from .imported import Imported
from .plan import PlannedArtifact
from .runner import Runner
from .steps.base import part_digest
from .steps.calibrate import Calibrate
from .steps.find_moments import FindMoments
from .steps.prepared import FileRef, Prepared
from .steps.read_rows import ReadRows

if TYPE_CHECKING:
    from ..compiler.recipe import Need

Steps = tuple[Any, ...]


def check_calibration(project: Project, planned: Sequence[PlannedArtifact]) -> None:
    """Check, before any work, that recipes can be read, and that there is data for those that look at some.

    Raises:
        ConfigError: when a recipe is none, or needs calibration and there are neither rows nor kept ranges, or only
            ranges where it needs rows; when a file of ranges is not there.
    """
    for item in planned:
        needs = _needs(item, project.where)
        if not needs:
            continue
        what = f"{project.where}: recipe {item.options.variant!r}"
        if project.data.calibration is None and not project.data.ranges:
            raise ConfigError(
                f"{what} must know what values the tensors take, and there is no calibration data",
                hint='say data.calibration = { file = "data.npz", rows = "0:100" } in the project file, or '
                "--calibration data.npz on the command line; some dozens of rows like those to come are enough",
            )
        if project.data.ranges and any(need.moments for need in needs):
            raise ConfigError(
                f"{what} looks at the calibration rows themselves, and data.ranges stands in for them",
                hint="take data.ranges out and say data.calibration, or take the step's rounding out",
            )
    for name in project.data.ranges:
        if not (project.folder / name).is_file():
            raise ConfigError(
                f"{project.where}: data.ranges: there is no file {name}",
                hint="a build with data.calibration leaves ranges.json beside its report",
            )


class Calibrations:
    """What is known of the models of one build; asked from several threads."""

    def __init__(self, project: Project, imported: Imported, runner: Runner) -> None:
        """Nothing is run before somebody asks."""
        self._project, self._imported, self._runner = project, imported, runner
        self._lock = threading.Lock()
        self._made: dict[str, Future[Path]] = {}

    def prepare(self, item: PlannedArtifact) -> tuple[Prepared, Steps]:
        """Give the model on which the last steps of an artifact's recipe are to be done, and these steps.

        The steps in front of the last one that needs data have been done, with a calibration before each that does.

        Raises:
            EdgewrightError: what reading the rows, the steps or the calibration raised; the same for all who ask.
        """
        model = Prepared(hub=FileRef(path=str(self._imported.hub), digest=self._imported.hub_digest))
        done = 0
        for need in _needs(item, self._project.where):
            model = self._informed(item, model, done, need)
            done = need.at
        return model, item.recipe[done:]

    def files(self, planned: Sequence[PlannedArtifact]) -> Mapping[str, Path]:
        """Give the ranges that were found for these artifacts, by the names under which a build leaves them.

        Those of the model as imported are `ranges.json`; those after the float steps of a recipe `ranges-RECIPE.json`,
        with the number of steps behind it where some more of them look at data.
        """
        named: dict[str, Path] = {}
        for item in planned:
            needs = _needs(item, self._project.where)
            for need in needs:
                made = self._made.get(_key("ranges", item.recipe[: need.at]))
                if made is None or not made.done() or made.exception() is not None:
                    continue
                more = "" if need is needs[-1] else f"-{need.at}"
                name = f"ranges-{item.options.variant}{more}.json" if need.at else "ranges.json"
                if made.result() / "ranges.json" not in named.values():
                    named[name] = made.result() / "ranges.json"
        return named

    def _informed(self, item: PlannedArtifact, model: Prepared, done: int, need: Need) -> Prepared:
        entry = self._once(_key("ranges", item.recipe[: need.at]), lambda: self._calibrate(item, model, done, need.at))
        hub = model.hub
        if done < need.at:
            hub = FileRef(path=str(entry / "hub"), digest=part_digest(entry, "hub"))
        ranges = FileRef(path=str(entry / "ranges.json"), digest=part_digest(entry, "ranges.json"))
        informed = Prepared(hub=hub, ranges=ranges)
        if need.moments:
            found = self._once(_key("moments", item.recipe[: need.at]), lambda: self._moments(informed))
            informed = msgspec.structs.replace(
                informed,
                moments=FileRef(path=str(found / "moments.npz"), digest=part_digest(found, "moments.npz")),
            )
        return informed

    def _calibrate(self, item: PlannedArtifact, model: Prepared, done: int, at: int) -> Path:
        return self._runner.step(
            Calibrate(
                model=model,
                steps=item.recipe[done:at],
                rows=None if self._project.data.ranges else self.rows,
                kept=self._kept,
                recipe=item.options.variant,
            )
        )

    def _moments(self, model: Prepared) -> Path:
        return self._runner.step(FindMoments(model=model, rows=self.rows))

    @property
    def rows(self) -> FileRef:
        """The folder of the calibration rows, which the project has.

        Raises:
            EdgewrightError: what reading them raised.
        """
        selection = self._project.data.calibration
        assert selection is not None, "the plan was checked"
        step = ReadRows(
            folder=str(self._project.folder),
            selection=msgspec.structs.replace(selection, labels=None),
            signature=self._imported.signature,
            purpose="calibration",
        )
        entry = self._once(_key("rows", ()), lambda: self._runner.reading(step))
        return FileRef(path=str(entry / "inputs"), digest=part_digest(entry, "inputs"))

    @cached_property
    def _kept(self) -> tuple[FileRef, ...]:
        paths = [self._project.folder / name for name in self._project.data.ranges]
        return tuple(FileRef(path=str(path), digest=digest_file(path)) for path in paths)

    def _once(self, key: str, make: Callable[[], Path]) -> Path:
        """Make it for the first who asks; whoever asks meanwhile or later gets the same, or the same error."""
        with self._lock:
            future = self._made.get(key)
            mine = future is None
            if future is None:
                future = self._made[key] = Future()
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()


def _key(kind: str, steps: Steps) -> str:
    return digest_bytes(msgspec.json.encode((kind, steps), order="deterministic"))


def _needs(item: PlannedArtifact, where: str) -> tuple[Need, ...]:
    if not item.recipe:
        return ()
    from ..compiler.recipe import needs_of_data, parse

    recipe = parse(item.recipe, where=f"{where}: recipes.{item.options.variant}")
    return needs_of_data(recipe)
