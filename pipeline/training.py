"""Lets the models learn that recipes want to: each once, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, cast

from ..vocabulary.errors import ConfigError, MissingExtraError
from .calibration import Calibrations
from .config import Project
from .imported import Imported
from .needs import needs_of, recipe_of
from .once import Once
from .plan import PlannedArtifact
from .runner import Runner
from .steps.base import content_digest, part_digest
from .steps.import_student import ImportStudent
from .steps.prepared import FileRef, Prepared
from .steps.read_function import ReadFunction
from .steps.read_rows import ReadRows
from .steps.train_model import TrainModel, UserFunction

if TYPE_CHECKING:
    from ..compiler.train.learning import Taught

_SAY: Final = 'say data.training = { file = "data.npz", rows = "0:800" }'


def check_training(project: Project, planned: Sequence[PlannedArtifact]) -> None:
    """Check, before any work, that there is what the steps of recipes learn from, and by.

    Raises:
        ConfigError: when there are no rows for a step that looks at some, no labels where it needs them, or no file of
            a function or student that it names.
        MissingExtraError: when what a step runs is not installed; the message names the extra.
    """
    for item in planned:
        taught = [need.at for need in needs_of(item, project.where) if need.taught]
        recipe = recipe_of(item, project.where) if taught else None
        for at in taught:
            assert recipe is not None
            step = f"step {recipe.steps[at].name!r} of recipe {item.options.variant!r}"
            _check(cast("Taught", recipe.passes[at]), step, project)


def _check(item: Taught, step: str, project: Project) -> None:
    from ..compiler.train.learning import Learning

    training, learns = project.data.training, isinstance(item, Learning)
    if training is None and (learns or project.data.calibration is None):
        does = "learns from" if learns else "looks at"
        raise ConfigError(
            f"{project.where}: {step} {does} training rows, and there are none",
            hint=f"{_SAY}; rows that evaluate must not be among them"
            + ("" if learns else ", or data.calibration, which this step takes too"),
        )
    if item.needs_labels and (training is None or training.labels is None):
        raise ConfigError(
            f"{project.where}: {step} learns from labels, and data.training names none",
            hint='say data.training = { …, labels = "label" }, the name of their array',
        )
    for reference in (_student_of(item), getattr(item, "augment", "")):
        name = reference.rpartition(":")[0] if ".py:" in reference else reference
        if name.endswith((".py", ".onnx", ".pt2")) and not (project.folder / name).is_file():
            raise ConfigError(f"{project.where}: {step} names {reference}, and there is no file {name}")
    missing = [package for package in item.packages if not _is_installed(package)]
    if missing:
        raise MissingExtraError(
            f"{project.where}: {step} needs {', '.join(missing)}, not installed here",
            hint="pip install 'edgewright[torch]'",
        )


class Trainings:
    """What the models of one build have learned; asked from several threads."""

    def __init__(self, project: Project, imported: Imported, runner: Runner, calibrations: Calibrations) -> None:
        """Nothing is run before somebody asks."""
        self._project, self._imported, self._runner, self._calibrations = project, imported, runner, calibrations
        self._once = Once()

    def taught(self, item: PlannedArtifact, model: Prepared, steps: tuple[Any, ...]) -> Prepared:
        """Give what the steps of an artifact's recipe make of a model; the last one looks at training rows.

        Raises:
            EdgewrightError: what reading the rows, the steps or learning raised; the same for all who ask.
        """
        from ..compiler.recipe import parse

        variant = item.options.variant
        last = cast("Taught", parse(steps[-1:], where=f"{self._project.where}: recipes.{variant}").passes[0])
        rows, labels = self._rows()
        step = TrainModel(
            model=model,
            steps=steps,
            rows=rows,
            labels=labels,
            teacher=FileRef(path=str(self._imported.hub), digest=self._imported.hub_digest),
            recipe=variant,
            packages=last.packages,
            target=item.target.name if last.precision is not None else None,
            student=self._student(_student_of(last)),
            augment=self._function(getattr(last, "augment", "")),
        )
        entry = self._once(["training", step.key_parts()], lambda: self._runner.training(step))
        return Prepared(hub=FileRef(path=str(entry / "hub"), digest=part_digest(entry, "hub")))

    def _rows(self) -> tuple[FileRef, FileRef | None]:
        selection = self._project.data.training
        if selection is None:  # a step that looks at gradients alone
            return self._calibrations.rows, None
        step = ReadRows(
            folder=str(self._project.folder),
            selection=selection,
            signature=self._imported.signature,
            purpose="training",
        )
        entry = self._once("rows", lambda: self._runner.reading(step))
        inputs, labels = (FileRef(path=str(entry / part), digest=part_digest(entry, part)) for part in _PARTS)
        return inputs, labels if selection.labels is not None else None

    def _student(self, source: str) -> FileRef | None:
        if not source:
            return None
        step = ImportStudent(folder=str(self._project.folder), source=source, signature=self._imported.signature)
        entry = self._once(["student", source], lambda: self._runner.reading(step))
        return FileRef(path=str(entry / "hub"), digest=part_digest(entry, "hub"))

    def _function(self, reference: str) -> UserFunction | None:
        if not reference:
            return None
        folder = str(self._project.folder)
        step = ReadFunction(folder=folder, reference=reference)
        entry = self._once(["function", reference], lambda: self._runner.reading(step))
        return UserFunction(folder=folder, reference=reference, digest=content_digest(entry))


_PARTS: Final = ("inputs", "labels")


def _student_of(item: Taught) -> str:
    """Give the model that the user lets learn; empty where it is none, or a copy of the original's width."""
    student = getattr(item, "student", "")
    return "" if student.endswith("%") else student


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
