"""What searches judge by: the tuning rows, a data set of its own with what the original makes of it."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

import msgspec

from ..profiles.report import Parity
from ..vocabulary.errors import ConfigError
from .config import Project, Selection
from .imported import Imported
from .on_device import Place, prove
from .plan import drawn_sizes
from .runner import Runner
from .steps.base import part_digest
from .steps.evaluate import Evaluate
from .steps.import_model import ImportModel
from .steps.prepared import FileRef
from .subject import Subject

REFERENCE_FREE = ("mse", "mae", "psnr", "cosine")
"""Metrics that take the original's outputs as the truth when there are no labels."""


def tuning_rows(project: Project, what: str) -> Selection:
    """Give the rows that searches may look at; `what` asks for them.

    Raises:
        ConfigError: when there are none, or training rows are among them, or there is no metric to judge by, or not the
            labels that it needs.
    """
    where = project.where
    selection = project.data.tuning or project.data.calibration
    if selection is None:
        raise ConfigError(
            f"{where}: {what} judges artifacts by tuning rows, and there are none",
            hint='say data.tuning = { file = "data.npz", rows = "0:200", labels = "label" }',
        )
    training = project.data.training
    if project.data.tuning is None and training is not None and training.overlaps(selection):
        raise ConfigError(
            f"{where}: {what} judges artifacts by tuning rows, and the calibration rows, which stand in for them, are "
            "among the training rows",
            hint='say data.tuning = { file = "data.npz", rows = "0:200", labels = "label" }, other rows than '
            "data.training",
        )
    if project.metric is None:
        raise ConfigError(f"{where}: {what} judges artifacts by a metric, and there is none", hint="say [metric]")
    if selection.labels is None and project.metric.name not in REFERENCE_FREE:
        place = "data.tuning" if project.data.tuning is not None else "data.calibration"
        raise ConfigError(
            f"{where}: {what} judges by {project.metric.name}, and {place} names no labels",
            hint=f'say {place} = {{ …, labels = "label" }}',
        )
    return selection


class Tuning:
    """The tuning rows of one build. They are read when somebody asks first, from several threads."""

    def __init__(self, project: Project, runner: Runner, what: str) -> None:
        """`what` asks for them, in errors.

        Raises:
            ConfigError: as `tuning_rows` does.
        """
        selection = tuning_rows(project, what)
        data = msgspec.structs.replace(project.data, evaluation=selection)
        bundle = msgspec.structs.replace(project.bundle, golden_rows=None)
        self._project = msgspec.structs.replace(project, data=data, bundle=bundle)
        self._runner, self._lock = runner, Lock()

    @property
    def imported(self) -> Imported:
        """The model with these rows.

        Raises:
            EdgewrightError: when the rows do not fit the model.
        """
        with self._lock:
            return self._imported

    @cached_property
    def _imported(self) -> Imported:
        dims = drawn_sizes(self._project)
        return Imported(self._runner.reading(ImportModel.of(self._project, self._project.data.evaluation, dims)))

    @property
    def rows(self) -> FileRef:
        """The folder of the inputs."""
        folder = self.imported.folder
        return FileRef(path=str(folder / "inputs"), digest=part_digest(folder, "inputs"))

    def judge(self, subject: Subject, place: Place) -> Parity:
        """Run an artifact over the rows on a device, and compare it with the original.

        Raises:
            EdgewrightError: when the device failed, or the outputs cannot be compared.
        """
        imported = self.imported
        judged = Evaluate.of(self._project, imported.signature, subject.artifact, imported.folder)
        return prove(subject, place, judged, imported, self._runner).parity
