"""A search over the recipes of a project: from its file to the record of every trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..devices.base import Device
from ..profiles.latency import profile
from ..profiles.recipe_search import Figures, RecipeSearch
from ..vocabulary.errors import ConfigError
from .cache import Cache, default_cache_folder
from .config import Project
from .entries import samples_of
from .implied_recipes import IMPLIED
from .making import make
from .on_device import Place, is_emulated_at, measure
from .places import check_opened, devices_of, openers
from .plan import PlannedArtifact, one_a_target
from .preparation import Preparation, check_data
from .progress import Progress
from .recipe_search import search
from .runner import Runner
from .search_space import LEARNING, learning_recipe_of, recipe_of
from .tuning import Tuning, tuning_rows

WHAT: Final = "a search over recipes"
_LEARNED: Final = f"; steps that learn take up to {LEARNING['budget']} each"
VARIANT: Final = "trial"
"""The variant's name in all trials, so that equal recipes are one artifact."""


def search_recipes(
    project: Project, *, trials: int, seed: int, progress: Progress, cache: Cache | None = None
) -> RecipeSearch:
    """Try up to `trials` recipes for the targets of a project, on its tuning rows and one device.

    That is the first that opens the artifacts of all targets: figures of several cannot be ranked.

    The recipes that the project names are not looked at: those that are tried are put together of all steps that need
    no choice by hand; of those that learn, where the project has training rows.

    Raises:
        ConfigError: when the project has no tuning rows, no calibration rows, no metric, or not the labels that it
            needs; or no device opens the artifacts of all targets.
        MissingExtraError: when Optuna, the packages of a target, or what steps that learn run are not installed.
        EdgewrightError: when nothing can be tried at all: the model or the data is wrong.
    """
    tuning_rows(project, WHAT)
    if project.data.calibration is None:
        raise ConfigError(
            f"{project.where}: {WHAT} calibrates models, and there are no calibration rows",
            hint='say data.calibration = { file = "data.npz", rows = "0:100" }',
        )
    planned = {item.target.name: item for item in one_a_target(project, variant=VARIANT)}
    learns = project.data.training is not None
    if learns:
        learning = ({"distill": LEARNING},)
        check_data(project, [replace(item, recipe=learning) for item in planned.values()])
    device = _device(project, tuple(planned.values()))
    name, place = device.name, Place(device=device, facts=device.facts())
    for item in planned.values():
        if is_emulated_at(device.kind, item.runtime):
            raise ConfigError(
                f"{project.where}: {WHAT} times its trials, and {item.target.name} is emulated on {name}",
                hint="name other targets with -t, or search on a device that has the runtime",
            )
    runner = Runner(cache or Cache(default_cache_folder()), progress)
    tuning = Tuning(project, runner, WHAT)
    imported = tuning.imported
    preparation = Preparation(project, imported, runner)
    rows = imported.inputs.row_count

    def attempt(target: str, recipe: tuple[Any, ...]) -> Figures:
        subject = make(replace(planned[target], recipe=recipe), preparation, runner)
        metric = tuning.judge(subject, place).metric
        assert metric is not None, "the project names one"
        measured = measure(subject, place, imported, runner)
        return Figures(
            drop=metric.drop_pp,
            unit=metric.unit,
            latency_ms=profile(samples_of(measured)).latency_ms.p50,
            size_bytes=subject.artifact.size_bytes,
            evidence=measured.evidence,
        )

    progress.announced(
        f"at most {trials} trials for {', '.join(planned)}, each compiled, run over {rows} tuning rows and timed "
        f"on {name}{_LEARNED if learns else ''}"
    )
    precisions = {
        target: tuple(each for each in item.target.precisions if each in IMPLIED) for target, item in planned.items()
    }
    made = search(precisions, trials, seed, attempt, learning_recipe_of if learns else recipe_of)
    return RecipeSearch(name=project.bundle.name, device=name, rows=rows, limit=trials, seed=seed, trials=made)


def _device(project: Project, planned: Sequence[PlannedArtifact]) -> Device:
    devices = devices_of(project)
    check_opened(planned, devices, project.where)
    for item in planned:
        devices = openers(devices, item.runtime)
    if not devices:
        raise ConfigError(
            f"{project.where}: {WHAT} times all of its trials on one device, and none opens artifacts of "
            f"{' and '.join(item.target.name for item in planned)}",
            hint="name fewer targets with -t",
        )
    return devices[0]
