"""What the recipe of an artifact needs, beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .plan import PlannedArtifact

if TYPE_CHECKING:
    from ..compiler.recipe import Recipe
    from ..compiler.recipe_needs import Need


def recipe_of(item: PlannedArtifact, where: str) -> Recipe:
    """Read an artifact's recipe; `where` is the project file.

    Raises:
        ConfigError: when it is none.
    """
    from ..compiler.recipe import parse

    return parse(item.recipe, where=f"{where}: recipes.{item.options.variant}")


def needs_of(item: PlannedArtifact, where: str) -> tuple[Need, ...]:
    """Give the steps of an artifact's recipe that look at data, in order.

    Raises:
        ConfigError: when the recipe is none.
    """
    if not item.recipe:
        return ()
    from ..compiler.recipe_needs import needs_of_data

    return needs_of_data(recipe_of(item, where))
