"""A search over recipes: each trial is an artifact that is compiled, run over the tuning rows and timed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ..profiles.recipe_search import Figures, Trial
from ..vocabulary.errors import EdgewrightError, MissingExtraError
from ..vocabulary.precision import Precision
from .search_space import Space, recipe_of

MOST_REPEATS = 4
"""How many times as often as trials are wanted the sampler is asked: in a small space it repeats itself."""

Try = Callable[[str, tuple[Any, ...]], Figures]
"""Makes an artifact of a target by a recipe, runs it over the tuning rows, and times it."""


def search(
    targets: Mapping[str, Sequence[Precision]], limit: int, seed: int, attempt: Try, space: Space = recipe_of
) -> tuple[Trial, ...]:
    """Try up to `limit` different recipes, shared out evenly among the targets, each target by a study of its own.

    Every precision of a target is tried plainly first; from then on Optuna's multi-objective tree-structured Parzen
    estimator proposes, from the drop, latency and size of those before. One seed, and equal figures, give the same
    trials; since every artifact and measurement is kept in the cache, a search that is begun again goes on where it
    was. A recipe that a target refuses, or that fails, is a trial without figures. `space` puts recipes together.

    Raises:
        MissingExtraError: when Optuna is not installed.
    """
    found: list[Trial] = []
    for index, (target, precisions) in enumerate(targets.items()):
        share = limit // len(targets) + (index < limit % len(targets))
        found += _study(target, precisions, share, seed, attempt, space)
    return tuple(found)


def _study(
    target: str, precisions: Sequence[Precision], limit: int, seed: int, attempt: Try, space: Space
) -> list[Trial]:
    optuna = _optuna()
    proposing = optuna.samplers.TPESampler(seed=seed, n_startup_trials=len(precisions) + limit // 3)
    drawing = optuna.samplers.RandomSampler(seed=seed)
    study = optuna.create_study(directions=["minimize"] * 3, sampler=proposing)
    for precision in precisions:
        study.enqueue_trial({"precision": str(precision), **_PLAIN})
    tried: dict[bytes, Trial] = {}
    for _ in range(MOST_REPEATS * limit):
        if len(tried) == limit:
            break
        asked = study.ask()
        recipe = space(asked, precisions)
        key = msgspec.json.encode(recipe)
        # a sampler that has settled proposes what it knows: the next one is drawn
        study.sampler = drawing if key in tried else proposing
        if key not in tried:
            tried[key] = _try(target, recipe, attempt)
        figures = tried[key].figures
        if figures is None:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(asked, (figures.drop, figures.latency_ms, figures.size_bytes))
    return list(tried.values())


_PLAIN: Mapping[str, Any] = {
    "equalize": False,
    "smooth_quant": None,
    "method": "minmax",
    "bias_correction": False,
    "rounding": "nearest",
    "macs": None,
    "low_rank": None,
    "qat": False,
}


def _try(target: str, recipe: tuple[Any, ...], attempt: Try) -> Trial:
    try:
        return Trial(target=target, recipe=recipe, figures=attempt(target, recipe))
    except EdgewrightError as error:
        return Trial(target=target, recipe=recipe, figures=None, problem=error.message)


def _optuna() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own experimental features, none of which is used here
            import optuna
    except ImportError as error:
        raise MissingExtraError(
            "a search over recipes needs Optuna, not installed here", hint="pip install 'edgewright[search]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
