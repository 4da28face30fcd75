"""Makes an artifact that was planned."""

from __future__ import annotations

from typing import Any

import msgspec

from ..devices.local import Local
from ..devices.turn import turn
from ..targets.base import MachineBound, Tunable
from .plan import PlannedArtifact
from .preparation import Preparation
from .runner import Runner
from .steps.base import part_digest
from .steps.compile_model import CompileModel, read_artifact
from .steps.prepared import FileRef
from .steps.tune_model import TuneModel
from .subject import Subject

TUNING_HOURS = 48
"""A machine's turn is waited for this long: others may tune on it."""


def tunes(item: PlannedArtifact) -> bool:
    """Whether an artifact's code is to be tried on this machine before it is compiled."""
    return isinstance(item.target, Tunable) and item.target.tunes(item.options)


def compile_step_of(item: PlannedArtifact, preparation: Preparation) -> CompileModel:
    """Give the step that compiles it, on the model that the steps of its recipe give that need data.

    Raises:
        EdgewrightError: what calibrating raised.
    """
    model, steps = preparation.prepare(item)
    return CompileModel(
        model=model,
        target=item.target.name,
        packages=item.target.packages,
        recipe=steps,
        options=item.options,
        machine=_machine() if _is_bound(item) else {},
    )


def _is_bound(item: PlannedArtifact) -> bool:
    return isinstance(item.target, MachineBound) and item.target.is_for_this_machine(item.options)


def _machine() -> dict[str, Any]:
    facts = Local("here").facts()
    return {"cpu": facts.cpu, "arch": facts.arch, "features": facts.features}


def make(item: PlannedArtifact, preparation: Preparation, runner: Runner) -> Subject:
    """Compile it, after its code was tried where that is asked for.

    Raises:
        EdgewrightError: what calibrating or compiling raised.
    """
    step = compile_step_of(item, preparation)
    if tunes(item):
        step = msgspec.structs.replace(step, tuning=_tuning(step, runner))
    entry = runner.step(step)
    return Subject(artifact=read_artifact(entry), folder=entry / "files", runtime=item.runtime)


def _tuning(step: CompileModel, runner: Runner) -> FileRef:
    """Find code that is fast on this machine, alone on it.

    Raises:
        EdgewrightError: what tuning raised.
    """
    tune = TuneModel(
        model=step.model,
        target=step.target,
        packages=step.packages,
        recipe=step.recipe,
        options=step.options,
        machine=_machine(),
        database=str(runner.cache.path / "tuning" / step.target),
    )
    with turn(timeout_s=TUNING_HOURS * 3600, cancel=runner.cancel):
        entry = runner.tuning(tune)
    return FileRef(path=str(entry / "tuning"), digest=part_digest(entry, "tuning"))
