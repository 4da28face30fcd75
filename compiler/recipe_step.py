"""A step of a recipe, as project files write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..vocabulary.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step: its name and its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def raw(self) -> dict[str, Any]:
        """The step as `read_step` reads it."""
        return {self.name: dict(self.options)}


def read_step(value: Any, where: str) -> Step:
    """Read `"float16"`, or `{ prune = { sparsity = "50%" } }`.

    Raises:
        ConfigError: when it is neither.
    """
    if isinstance(value, str):
        return Step(name=value)
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, options),) = value.items()
        if isinstance(options, Mapping):
            return Step(name=name, options=options)
    raise ConfigError(
        f"{where}: expected the name of a step or a table with one key, got {value!r}",
        hint='write "float16", or { step = { option = value } }',
    )
