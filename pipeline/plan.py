"""What a project asks for, spelled out: one entry for each artifact, and the devices that each one runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..targets.base import Options, Target
from ..targets.table import load_target, require_installed
from ..vocabulary.errors import ConfigError
from .config import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedArtifact:
    """One artifact to make."""

    target: Target
    recipe: tuple[Any, ...]
    options: Options

    @property
    def name(self) -> str:
        """The name that the artifact will have, `tflite-fp16`."""
        return "-".join(part for part in (self.target.name, self.options.variant, self.options.format) if part)

    @property
    def runtime(self) -> str:
        """The runtime class that opens it, as `module:attribute`."""
        return self.target.formats[self.options.format]


def plan_artifacts(project: Project) -> tuple[PlannedArtifact, ...]:
    """Spell out the artifacts of a project, in the order of its file.

    Raises:
        RequestError: when there is no target of some name.
        MissingExtraError: when a target's packages are not installed; the message names the extra.
        ConfigError: when a target does not have a format that is asked for, or one artifact is asked for twice.
    """
    planned = []
    for name, section in project.targets.items():
        target = load_target(name)
        require_installed(target)
        for format_ in section.formats:
            if format_ not in target.formats:
                raise ConfigError(
                    f"{project.where}: targets.{name}.formats names {format_!r}, which the target does not write",
                    hint=f"formats of {name}: {', '.join(repr(known) for known in target.formats)}",
                )
            for recipe in section.recipes:
                options = Options(
                    variant=recipe,
                    format=format_,
                    dims=section.dims,
                    layout=section.layout,
                )
                planned.append(PlannedArtifact(target=target, recipe=project.recipes[recipe], options=options))
    names = [artifact.name for artifact in planned]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"{project.where}: the artifact {repeated[0]} is asked for twice")
    return tuple(planned)


def drawn_sizes(project: Project) -> dict[str, int]:
    """Give the sizes that targets fix symbolic dimensions at, for the inputs that are drawn for all of them.

    Raises:
        ConfigError: when two targets fix one dimension at different sizes: one original cannot judge both.
    """
    sizes: dict[str, tuple[int, str]] = {}
    for name, section in project.targets.items():
        for symbol, size in section.dims.items():
            first, by = sizes.setdefault(symbol, (size, name))
            if first != size:
                raise ConfigError(
                    f"{project.where}: targets.{by}.dims and targets.{name}.dims fix {symbol!r} at {first} and {size}",
                    hint="build them by two project files: the rows that judge an artifact have its sizes",
                )
    return {symbol: size for symbol, (size, _) in sizes.items()}
