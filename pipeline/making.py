"""Makes an artifact that was planned."""

from __future__ import annotations

from .calibration import Calibrations
from .plan import PlannedArtifact
from .runner import Runner
from .steps.compile_model import CompileModel, read_artifact
from .subject import Subject


def compile_step_of(item: PlannedArtifact, calibrations: Calibrations) -> CompileModel:
    """Give the step that compiles it, on the model that the steps of its recipe give that need data.

    Raises:
        EdgewrightError: what calibrating raised.
    """
    model, steps = calibrations.prepare(item)
    return CompileModel(
        model=model,
        target=item.target.name,
        packages=item.target.packages,
        recipe=steps,
        options=item.options,
    )


def make(item: PlannedArtifact, calibrations: Calibrations, runner: Runner) -> Subject:
    """Compile it.

    Raises:
        EdgewrightError: what calibrating or compiling raised.
    """
    entry = runner.step(compile_step_of(item, calibrations))
    return Subject(artifact=read_artifact(entry), folder=entry / "files", runtime=item.runtime)
