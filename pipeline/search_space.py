"""The recipes that a search may try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from ..vocabulary.precision import Precision
from .implied_recipes import IMPLIED

Choice = str | float | bool | None

METHODS: Final = ("minmax", "percentile", "mse", "entropy")
ALPHAS: Final = (None, 0.5, 0.75)
"""Migration strengths of SmoothQuant; None leaves the pass out. Its paper takes 0.5, and 0.75 for models with larger
outliers."""
ROUNDINGS: Final = ("nearest", "second_order")


MACS: Final = (None, "75%", "50%")
"""What structured pruning leaves of the multiply-accumulates; None prunes nothing."""
ENERGIES: Final = (None, "95%")
"""What factors keep of the squared singular values of a layer; None factors nothing."""
LEARNING: Final = {"epochs": 30, "budget": "5 min"}
"""How long a trial learns: enough to tell one recipe from another. What is best may be built with more."""


class Suggests(Protocol):
    """What a trial of Optuna can do."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """Choose one."""
        ...


Space = Callable[[Suggests, Sequence[Precision]], tuple[Any, ...]]
"""Lets a trial choose a recipe of one of these precisions."""


def recipe_of(trial: Suggests, precisions: Sequence[Precision]) -> tuple[Any, ...]:
    """Let a trial choose a recipe of one of these precisions, of steps that learn nothing."""
    return _behind((), _precision(trial, precisions), trial, learns=False)


def learning_recipe_of(trial: Suggests, precisions: Sequence[Precision]) -> tuple[Any, ...]:
    """Let a trial choose a recipe of one of these precisions, of all steps.

    What pruning or factors break, the model learns from the original again; integers of activations it may learn to
    bear.
    """
    precision = _precision(trial, precisions)
    steps: list[Any] = []
    macs = trial.suggest_categorical("macs", MACS)
    if macs is not None:
        steps.append({"prune": {"structured": True, "macs": macs}})
    energy = trial.suggest_categorical("low_rank", ENERGIES)
    if energy is not None:
        steps.append({"low_rank": {"energy": energy}})
    if steps:
        steps.append({"distill": LEARNING})
    return _behind(tuple(steps), precision, trial, learns=True)


def _precision(trial: Suggests, precisions: Sequence[Precision]) -> Precision:
    return Precision(trial.suggest_categorical("precision", [str(each) for each in precisions]))


def _behind(first: tuple[Any, ...], precision: Precision, trial: Suggests, *, learns: bool) -> tuple[Any, ...]:
    """Give a recipe with steps that make a precision behind those that are chosen; such steps may learn, or not."""
    if not precision.integer:
        return (*first, *IMPLIED[precision])
    steps: list[Any] = []
    if trial.suggest_categorical("equalize", (False, True)):
        steps.append("equalize")
    options: dict[str, Any] = {"precision": str(precision)}
    trained = False
    if precision.static:
        alpha = trial.suggest_categorical("smooth_quant", ALPHAS)
        if alpha is not None:
            steps.append({"smooth_quant": {"alpha": alpha}})
        options["method"] = trial.suggest_categorical("method", METHODS)
        trained = learns and trial.suggest_categorical("qat", (False, True))
        if not trained:
            options["bias_correction"] = trial.suggest_categorical("bias_correction", (False, True))
            options["rounding"] = trial.suggest_categorical("rounding", ROUNDINGS)
    return (*first, *steps, {"qat": {**options, **LEARNING}} if trained else {"quantize": options})
