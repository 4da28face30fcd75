"""`measured` and `latency` in a recipe: the wish that a step does what makes the artifact faster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..vocabulary.codec import refuse
from ..vocabulary.errors import ConfigError
from ..vocabulary.quantity import Dimension, Quantity

_ALL: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredRequest:
    """The step at place `at` of a recipe, `low_rank` or `prune`, is to be settled by latency.

    `percent` is the share of the latency that `prune` may leave; for `low_rank` every layer that is slower goes.
    """

    at: int
    step: str
    percent: float | None = None

    @property
    def asked(self) -> str:
        """What the recipe says."""
        return "measured = true" if self.percent is None else f'latency = "{self.percent:g}%"'


def take_measured(recipe: tuple[Any, ...], where: str) -> tuple[tuple[Any, ...], MeasuredRequest | None]:
    """Part a recipe into steps that can be applied, and what one of them asks to be measured (None: nothing).

    In place of a latency stands the same share of multiply-accumulates, until it is settled. `where` names the recipe
    in errors: `edgewright.toml: recipes.small`.

    Raises:
        ConfigError: when two steps ask, or an option cannot be meant.
    """
    found: list[MeasuredRequest] = []
    steps = []
    for at, step in enumerate(recipe):
        left, request = step, None
        if isinstance(step, Mapping) and len(step) == 1:
            ((name, options),) = step.items()
            if isinstance(options, Mapping) and name in _TAKE:
                left, request = _TAKE[name](at, options, where)
        steps.append(left)
        found += [] if request is None else [request]
    if len(found) > 1:
        raise ConfigError(
            f"{where}: {found[0].step} and {found[1].step} both are to be settled by measuring, and each depends on "
            "the other",
            hint=f"settle {found[0].step} alone first, and write what the report says was chosen in its place",
        )
    return tuple(steps), found[0] if found else None


def _low_rank(at: int, options: Mapping[str, Any], where: str) -> tuple[Any, MeasuredRequest | None]:
    measured = options.get("measured", False)
    if not isinstance(measured, bool):
        raise refuse(where, "low_rank.measured", "true or false", measured)
    left = {"low_rank": {name: value for name, value in options.items() if name != "measured"}}
    if not measured:
        return left, None
    if "macs" in options:
        raise ConfigError(
            f"{where}: low_rank.measured takes layers out of what macs shares among all of them",
            hint='say energy = "95%" in place of macs',
        )
    return left, MeasuredRequest(at=at, step="low_rank")


def _prune(at: int, options: Mapping[str, Any], where: str) -> tuple[Any, MeasuredRequest | None]:
    if "latency" not in options:
        return {"prune": options}, None
    if {"macs", "width"} & set(options) or not options.get("structured"):
        raise ConfigError(
            f"{where}: prune.latency takes whole channels out until the latency is met, and macs follows from it",
            hint='write { structured = true, latency = "60%" }',
        )
    said = options["latency"]
    try:
        share = Quantity.parse(said if isinstance(said, str) else "", Dimension.SHARE)
    except ValueError as error:
        raise refuse(where, "prune.latency", str(error), said) from error
    if share.unit != "%" or not 0 < share.value < _ALL:
        raise refuse(where, "prune.latency", 'a share between 0% and 100%, as "60%"', said)
    left = {name: value for name, value in options.items() if name != "latency"}
    return {"prune": {**left, "macs": said}}, MeasuredRequest(at=at, step="prune", percent=share.value)


_TAKE: Final = {"low_rank": _low_rank, "prune": _prune}
