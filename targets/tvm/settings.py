"""`[targets.tvm.settings]` of a project file."""

from __future__ import annotations

import msgspec

from ...vocabulary.quantity import Dimension, Quantity


class Tune(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How long faster code is looked for: a time, `"600 s"` or `"10 min"`, for each artifact."""

    budget: str

    def __post_init__(self) -> None:
        if not self.budget_seconds > 0:
            raise ValueError(f"budget: expected a time above zero, got {self.budget!r}")

    @property
    def budget_seconds(self) -> float:
        """The budget in seconds."""
        number, _, unit = self.budget.strip().rpartition(" ")
        if unit == "min" and number.replace(".", "", 1).isdecimal():
            return 60.0 * float(number)
        try:
            return Quantity.parse(self.budget, Dimension.TIME).base / 1000.0
        except ValueError as error:
            raise ValueError(f'budget: expected {error}, or min, got "{self.budget}"') from error


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project may ask of libraries alone.

    `tune = { budget = "10 min" }` has faster code looked for on this machine; without it, artifacts are `untuned`.
    """

    tune: Tune | None = None
