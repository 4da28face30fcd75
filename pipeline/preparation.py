"""Does the steps of recipes that look at data, so that what is left of a recipe looks at none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .calibration import Calibrations, check_calibration
from .config import Project
from .imported import Imported
from .needs import needs_of
from .plan import PlannedArtifact
from .runner import Runner
from .steps.prepared import FileRef, Prepared
from .training import Trainings, check_training


def check_data(project: Project, planned: Sequence[PlannedArtifact]) -> None:
    """Check, before any work, that recipes can be read, and that there is data for those that look at some.

    Raises:
        ConfigError: when a recipe is none, or there is not what it looks at.
        MissingExtraError: when what a step that learns runs is not installed; the message names the extra.
    """
    check_calibration(project, planned)
    check_training(project, planned)


class Preparation:
    """The models that artifacts of one build are compiled of; asked from several threads."""

    def __init__(self, project: Project, imported: Imported, runner: Runner) -> None:
        """Nothing is run before somebody asks."""
        self._where, self._imported = project.where, imported
        self._calibrations = Calibrations(project, imported, runner)
        self._trainings = Trainings(project, imported, runner, self._calibrations)

    def prepare(self, item: PlannedArtifact) -> tuple[Prepared, tuple[Any, ...]]:
        """Give the model on which the last steps of an artifact's recipe are to be done, and these steps.

        All steps in front of them have been done, with a calibration before each that needs one.

        Raises:
            EdgewrightError: what reading the rows, the steps, the calibration or learning raised; the same for all who
                ask.
        """
        model = Prepared(hub=FileRef(path=str(self._imported.hub), digest=self._imported.hub_digest))
        done = 0
        for need in needs_of(item, self._where):
            if need.calibrated:
                model, done = self._calibrations.informed(item, model, item.recipe[done : need.at], need), need.at
            if need.taught:
                model, done = self._trainings.taught(item, model, item.recipe[done : need.at + 1]), need.at + 1
        return model, item.recipe[done:]

    def files(self, planned: Sequence[PlannedArtifact]) -> Mapping[str, Path]:
        """Give the ranges that were found for these artifacts, by the names under which a build leaves them.

        See `Calibrations.files`.
        """
        return self._calibrations.files(planned)

    @property
    def rows(self) -> FileRef:
        """The folder of the calibration rows, which the project has.

        Raises:
            EdgewrightError: what reading them raised.
        """
        return self._calibrations.rows
