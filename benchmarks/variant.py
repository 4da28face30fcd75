"""What a recipe makes of a model, by the steps of `edgewright build`, in one process."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import NDArray

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.informed import InformedPass
from edgewright.compiler.quantize.moments import second_moments
from edgewright.compiler.recipe import Recipe, apply, parse
from edgewright.targets.base import Target


def variant(model: Model, steps: list[object], target: Target, rows: Mapping[str, NDArray]) -> Model:
    """`rows`: what calibrates, by input, without a batch axis. Each step looks at what the one before it made."""
    recipe = parse(steps, where="benchmark")
    for step, item in zip(recipe.steps, recipe.passes, strict=True):
        informed = isinstance(item, InformedPass)
        ranges = calibrate(model, rows) if informed and item.needs_ranges else None
        moments = dict(second_moments(model, rows)) if informed and item.needs_moments else None
        one = Recipe(steps=(step,), passes=(item,))
        model = apply(model, one, ranges=ranges, moments=moments, schemes=target.schemes())
    return model
