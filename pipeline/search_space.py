"""The recipes that a search may try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from ..vocabulary.precision import Precision
from .implied_recipes import IMPLIED

Choice = str | float | bool | None

METHODS: Final = ("minmax", "percentile", "mse", "entropy")
ALPHAS: Final = (None, 0.5, 0.75)
"""Migration strengths of SmoothQuant; None leaves the pass out. Its paper takes 0.5, and 0.75 for models with larger
outliers."""
ROUNDINGS: Final = ("nearest", "second_order")


class Suggests(Protocol):
    """What a trial of Optuna can do."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """Choose one."""
        ...


def recipe_of(trial: Suggests, precisions: Sequence[Precision]) -> tuple[Any, ...]:
    """Let a trial choose a recipe of one of these precisions."""
    precision = Precision(trial.suggest_categorical("precision", [str(each) for each in precisions]))
    if not precision.integer:
        return IMPLIED[precision]
    steps: list[Any] = []
    if trial.suggest_categorical("equalize", (False, True)):
        steps.append("equalize")
    options: dict[str, Any] = {"precision": str(precision)}
    if precision.static:
        alpha = trial.suggest_categorical("smooth_quant", ALPHAS)
        if alpha is not None:
            steps.append({"smooth_quant": {"alpha": alpha}})
        options["method"] = trial.suggest_categorical("method", METHODS)
        options["bias_correction"] = trial.suggest_categorical("bias_correction", (False, True))
        options["rounding"] = trial.suggest_categorical("rounding", ROUNDINGS)
    return (*steps, {"quantize": options})
