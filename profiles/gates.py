"""Gates: bounds with units on what was measured, as `[gates]` of a project file names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..vocabulary.codec import refuse
from ..vocabulary.errors import ConfigError
from ..vocabulary.quantity import Dimension, Quantity
from .report import Entry, Profile


class GateOn(StrEnum):
    """What `max_drop` judges: the paired point estimate, or the upper end of its 95% interval."""

    POINT = "point"
    CI95 = "ci95"


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureGate:
    """A bound from above on one figure of an entry; `figure` gives it in the dimension's base unit, None if not run."""

    dimension: Dimension
    figure: Callable[[Entry], float | None]
    needs: str
    """What must have been run, completing "not run: …"."""


def _profiled(figure: Callable[[Profile], float]) -> Callable[[Entry], float | None]:
    return lambda entry: None if entry.profile is None else figure(entry.profile)


FIGURE_GATES: Mapping[str, FigureGate] = {
    "max_size": FigureGate(
        dimension=Dimension.SIZE,
        figure=lambda entry: float(entry.size_bytes) if entry.files else None,
        needs="there is no artifact",
    ),
    "max_latency_p50": FigureGate(
        dimension=Dimension.TIME,
        figure=_profiled(lambda profile: profile.latency_ms.p50),
        needs="no latency was measured",
    ),
    "max_latency_p90": FigureGate(
        dimension=Dimension.TIME,
        figure=_profiled(lambda profile: profile.latency_ms.p90),
        needs="no latency was measured",
    ),
    "max_latency_p99": FigureGate(
        dimension=Dimension.TIME,
        figure=_profiled(lambda profile: profile.latency_ms.p99),
        needs="no latency was measured",
    ),
    "max_load": FigureGate(
        dimension=Dimension.TIME,
        figure=_profiled(lambda profile: profile.load_ms),
        needs="loading was not measured",
    ),
    "max_first": FigureGate(
        dimension=Dimension.TIME,
        figure=_profiled(lambda profile: profile.first_ms),
        needs="the first call was not measured",
    ),
    "max_memory": FigureGate(
        dimension=Dimension.SIZE,
        figure=_profiled(lambda profile: profile.peak_memory_bytes),
        needs="no memory was measured",
    ),
}
"""Name → the gate. Each is a bound from above."""

TENSOR_GATES: Mapping[str, Dimension] = {
    "max_abs": Dimension.PLAIN,
    "min_cosine": Dimension.PLAIN,
    "min_psnr": Dimension.LEVEL,
    "min_equal": Dimension.SHARE,
}
"""Gates on every output: the first three on floating-point ones, the last on integers and booleans."""

DROP = "max_drop"

DIMENSIONS: Mapping[str, Dimension] = {
    DROP: Dimension.SHARE,
    **{name: gate.dimension for name, gate in FIGURE_GATES.items()},
    **TENSOR_GATES,
}
"""Every gate by name, and what its bound measures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gates:
    """The bounds that an entry is held to; tensor gates that are not named stand at their defaults.

    `has_defaults` is False for an artifact whose recipe made it compute something else: how far that is from the
    original, no precision says. `allow_not_run` names gates that may stay unjudged when what they judge was not run.
    None in `gate_on` and `allow_not_run` means that the project file does not say.
    """

    bounds: Mapping[str, Quantity] = field(default_factory=dict)
    gate_on: GateOn | None = None
    allow_not_run: frozenset[str] | None = None
    has_defaults: bool = True

    def overridden_by(self, own: Gates) -> Gates:
        """Give these gates with what a target's own say instead."""
        return replace(
            self,
            bounds={**self.bounds, **own.bounds},
            gate_on=self.gate_on if own.gate_on is None else own.gate_on,
            allow_not_run=self.allow_not_run if own.allow_not_run is None else own.allow_not_run,
        )

    def allows_not_run(self, name: str) -> bool:
        """Whether this gate may stay unjudged."""
        return self.allow_not_run is not None and name in self.allow_not_run


def parse(table: Mapping[str, Any], where: str, path: str = "gates") -> Gates:
    """Read a table of gates; `where` names the file and `path` the table in errors.

    Raises:
        ConfigError: `edgewright.toml: expected a number with a unit of time (ns, …) in gates.max_latency_p90, got '8'`,
            or when a key is unknown or a bound can never hold.
    """
    bounds: dict[str, Quantity] = {}
    gate_on: GateOn | None = None
    allow_not_run: frozenset[str] | None = None
    for key, value in table.items():
        if key == "gate_on":
            if value not in tuple(GateOn):
                raise refuse(where, f"{path}.{key}", '"point" or "ci95"', value)
            gate_on = GateOn(value)
        elif key == "allow_not_run":
            allow_not_run = _names(value, where, f"{path}.{key}")
        elif key in DIMENSIONS:
            bounds[key] = _bound(key, value, where, f"{path}.{key}")
        else:
            raise ConfigError(f"{where}: unknown key {path}.{key}", hint=f"known gates: {', '.join(DIMENSIONS)}")
    return Gates(bounds=bounds, gate_on=gate_on, allow_not_run=allow_not_run)


def _names(value: Any, where: str, path: str) -> frozenset[str]:
    if not isinstance(value, list | tuple):
        raise refuse(where, path, "a list of gates", value)
    for name in value:
        if name not in DIMENSIONS:
            raise refuse(where, path, f"names of gates ({', '.join(DIMENSIONS)})", name)
    return frozenset(value)


def _bound(name: str, value: Any, where: str, path: str) -> Quantity:
    dimension = DIMENSIONS[name]
    try:
        bound = Quantity.parse(value if isinstance(value, str) else "", dimension)
    except ValueError as error:
        raise refuse(where, path, str(error), value) from error
    if name == "min_cosine" and not -1.0 <= bound.base <= 1.0:
        raise refuse(where, path, "a cosine between -1 and 1", value)
    if name == "min_equal" and not (bound.unit == "%" and 0.0 <= bound.base <= 100.0):
        raise refuse(where, path, "a share between 0 % and 100 %", value)
    if name.startswith("max_") and name != DROP and bound.base < 0.0:
        raise refuse(where, path, "a bound that is not negative", value)
    return bound
