"""Calibrates the models that recipes need to know the values of: each once, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..vocabulary.digest import digest_file
from ..vocabulary.errors import ConfigError
from .config import Project
from .imported import Imported
from .needs import needs_of
from .once import Once
from .plan import PlannedArtifact
from .runner import Runner
from .steps.base import part_digest
from .steps.calibrate import Calibrate
from .steps.find_moments import FindMoments
from .steps.prepared import FileRef, Prepared
from .steps.read_rows import ReadRows

if TYPE_CHECKING:
    from ..compiler.recipe_needs import Need


def check_calibration(project: Project, planned: Sequence[PlannedArtifact]) -> None:
    """Check, before any work, that recipes can be read, and that there is data for those that look at some.

    Raises:
        ConfigError: when a recipe is none, or needs calibration and there are neither rows nor kept ranges, or only
            ranges where it needs rows; when a file of ranges is not there.
    """
    for item in planned:
        needs = [need for need in needs_of(item, project.where) if need.calibrated]
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
                hint="take data.ranges out and say data.calibration, or take `rounding` or `weighted` out of the step",
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
        self._once = Once()
        self._found: dict[tuple[str, int], Path] = {}

    def informed(self, item: PlannedArtifact, model: Prepared, steps: tuple[Any, ...], need: Need) -> Prepared:
        """Give what `steps` of an artifact's recipe make of a model, with what the step behind them must know of it.

        Raises:
            EdgewrightError: what reading the rows, the steps or the calibration raised; the same for all who ask.
        """
        step = Calibrate(
            model=model,
            steps=steps,
            rows=None if self._project.data.ranges else self.rows,
            kept=self._kept,
            recipe=item.options.variant,
        )
        entry = self._once(["ranges", model.key_parts(), steps], lambda: self._runner.step(step))
        self._found[item.name, need.at] = entry / "ranges.json"
        hub = FileRef(path=str(entry / "hub"), digest=part_digest(entry, "hub")) if steps else model.hub
        ranges = FileRef(path=str(entry / "ranges.json"), digest=part_digest(entry, "ranges.json"))
        informed = Prepared(hub=hub, ranges=ranges)
        if not need.moments:
            return informed
        moments = FindMoments(model=informed, rows=self.rows)
        found = self._once(["moments", informed.key_parts()], lambda: self._runner.step(moments))
        return msgspec.structs.replace(
            informed, moments=FileRef(path=str(found / "moments.npz"), digest=part_digest(found, "moments.npz"))
        )

    def files(self, planned: Sequence[PlannedArtifact]) -> Mapping[str, Path]:
        """Give the ranges that were found for these artifacts, by the names under which a build leaves them.

        Those of the model as imported are `ranges.json`; those after the float steps of a recipe `ranges-RECIPE.json`,
        with the number of steps behind it where some more of them look at data.
        """
        named: dict[str, Path] = {}
        for item in planned:
            needs = [need for need in needs_of(item, self._project.where) if need.calibrated]
            for need in needs:
                path = self._found.get((item.name, need.at))
                more = "" if need is needs[-1] else f"-{need.at}"
                name = f"ranges-{item.options.variant}{more}.json" if need.at else "ranges.json"
                if path is not None and path not in named.values():
                    named[name] = path
        return named

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
        entry = self._once("rows", lambda: self._runner.reading(step))
        return FileRef(path=str(entry / "inputs"), digest=part_digest(entry, "inputs"))

    @cached_property
    def _kept(self) -> tuple[FileRef, ...]:
        paths = [self._project.folder / name for name in self._project.data.ranges]
        return tuple(FileRef(path=str(path), digest=digest_file(path)) for path in paths)
