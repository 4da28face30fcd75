"""The recipe by which latency is found out: that of an artifact, without what learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from .plan import PlannedArtifact

_OF_QUANTIZE: Final = ("precision", "keep_float", "method", "percentile")
"""The options that qat shares with quantize, whose nodes it makes integers."""


def probe_of(item: PlannedArtifact, where: str) -> PlannedArtifact:
    """Give the artifact without the steps of its recipe that learn: they change what weights say, and not how many.

    `qat` becomes the `quantize` that makes the same integers. A step that trains another model (`student`) stays.

    Raises:
        ConfigError: when the recipe is none.
    """
    from ..compiler.recipe import written_out

    request = item.measured
    assert request is not None
    name = f"{where}: recipes.{item.options.variant}"
    before = _without_learning(written_out(item.recipe[: request.at], where=name))
    behind = _without_learning(written_out(item.recipe[request.at + 1 :], where=name))
    recipe = (*before, item.recipe[request.at], *behind)
    return replace(item, recipe=recipe, measured=replace(request, at=len(before)))


def _without_learning(steps: tuple[Any, ...]) -> tuple[Any, ...]:
    from ..compiler.recipe import parse
    from ..compiler.train.learning import Learning

    found = []
    for step in steps:
        (item,) = parse([step], where="").passes
        if not isinstance(item, Learning) or step[next(iter(step))].get("student"):
            found.append(step)
        elif "qat" in step:
            found.append({"quantize": {name: value for name, value in step["qat"].items() if name in _OF_QUANTIZE}})
    return tuple(found)
