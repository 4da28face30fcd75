"""What the steps of a recipe must be given beside the model in front of them."""

from __future__ import annotations

from dataclasses import dataclass

from .quantize.informed import InformedPass
from .recipe import Recipe
from .train.learning import Taught


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """A step that looks at data.

    `at` is its place in the recipe. `calibrated`: it must know what the model in front of it computes on rows of data;
    `moments`: second moments beside the ranges. `taught`: it looks at training rows itself.
    """

    at: int
    calibrated: bool
    moments: bool
    taught: bool


def needs_of_data(recipe: Recipe) -> tuple[Need, ...]:
    """Give the steps of a recipe that look at data, in order."""
    found = []
    for at, item in enumerate(recipe.passes):
        if isinstance(item, InformedPass):
            calibrated, taught = (
                item.needs_ranges or item.needs_moments,
                isinstance(item, Taught) and item.needs_material,
            )
            if calibrated or taught:
                found.append(Need(at=at, calibrated=calibrated, moments=item.needs_moments, taught=taught))
    return tuple(found)
