"""`max_drop` in a recipe: the wish that as few nodes as possible stay float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..vocabulary.codec import refuse
from ..vocabulary.errors import ConfigError
from ..vocabulary.quantity import Dimension, Quantity

DEFAULT_EVALUATIONS: Final = 16
"""Enough for 150 nodes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MixedRequest:
    """Keep within `max_drop` on the tuning rows, found in at most `evaluations` artifacts."""

    max_drop: Quantity
    evaluations: int


def take_request(recipe: tuple[Any, ...], where: str) -> tuple[tuple[Any, ...], MixedRequest | None]:
    """Part a recipe into steps that make a variant, and what its last step asks to be searched (None: nothing).

    `where` names the recipe in errors: `edgewright.toml: recipes.int8`.

    Raises:
        ConfigError: when `max_drop` is no share with a unit, or `evaluations` no count.
    """
    last = recipe[-1] if recipe else None
    options = last.get("quantize") if isinstance(last, Mapping) else None
    if not isinstance(options, Mapping) or not {"max_drop", "evaluations"} & set(options):
        return recipe, None
    left = {key: value for key, value in options.items() if key not in ("max_drop", "evaluations")}
    if "max_drop" not in options:
        raise ConfigError(
            f"{where}: quantize.evaluations counts the steps of a search, and no max_drop asks for one",
            hint='write max_drop = "0.5 pp" beside it, or take it out',
        )
    evaluations = options.get("evaluations", DEFAULT_EVALUATIONS)
    if isinstance(evaluations, bool) or not isinstance(evaluations, int) or evaluations < 1:
        raise refuse(where, "quantize.evaluations", "a count of at least 1", evaluations)
    said = options["max_drop"]
    try:
        bound = Quantity.parse(said if isinstance(said, str) else "", Dimension.SHARE)
    except ValueError as error:
        raise refuse(where, "quantize.max_drop", str(error), said) from error
    return (*recipe[:-1], {"quantize": left}), MixedRequest(max_drop=bound, evaluations=evaluations)
