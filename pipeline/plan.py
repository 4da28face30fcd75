"""What a project asks for, spelled out: one entry for each artifact, and the devices that each one runs on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from ..targets.base import Configurable, Options, Target
from ..targets.settings import check_settings
from ..targets.table import load_target, require_installed
from ..vocabulary.errors import ConfigError
from ..vocabulary.precision import Precision
from .config import Project
from .measured_request import MeasuredRequest, take_measured
from .mixed_request import MixedRequest, take_request


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedArtifact:
    """One artifact to make."""

    target: Target
    recipe: tuple[Any, ...]
    options: Options
    mixed: MixedRequest | None = None
    """What is to be searched before the recipe is whole: the nodes that it keeps float."""
    measured: MeasuredRequest | None = None
    """What is to be measured before that: the options of a step that asks for latency."""

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
        ConfigError: when a target does not have a format or setting that is asked for, one artifact is asked for twice,
            or a recipe asks for a search that cannot be meant.
    """
    planned = []
    for name, section in project.targets.items():
        target = load_target(name)
        require_installed(target)
        check_settings(target, section.settings, project.where)
        recipes = {recipe: _read(project, recipe) for recipe in section.recipes}
        # integers in and out are for the variants of integers; a model may also have arrived as one
        some_static = any(_is_static(steps) for steps, *_ in recipes.values())
        for format_ in section.formats:
            if format_ not in target.formats:
                raise ConfigError(
                    f"{project.where}: targets.{name}.formats names {format_!r}, which the target does not write",
                    hint=_known_formats(format_, target),
                )
            for recipe in section.recipes:
                steps, mixed, measured = recipes[recipe]
                options = Options(
                    variant=recipe,
                    format=format_,
                    dims=section.dims,
                    layout=section.layout,
                    io=section.io if _is_static(steps) or not some_static else "float",
                    settings=section.settings,
                )
                planned.append(
                    PlannedArtifact(target=target, recipe=steps, options=options, mixed=mixed, measured=measured)
                )
    names = [artifact.name for artifact in planned]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"{project.where}: the artifact {repeated[0]} is asked for twice")
    return tuple(planned)


_FEW: Final = 8


def _known_formats(asked: str, target: Target) -> str:
    """Give the hint for a format that a target does not have: what is near, and what there is or where it is listed."""
    known = [name for name in target.formats if name]
    near = difflib.get_close_matches(asked, known, n=3, cutoff=0.4)  # `pi4` is 0.57 of `rpi4`, `raspberry4` 0.43
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    if near and len(known) > _FEW:
        return f"{meant}`edgewright targets {target.name}` lists all {len(known)}"
    return f"{meant}formats of {target.name}: {', '.join(map(repr, target.formats))}"


def _read(project: Project, name: str) -> tuple[tuple[Any, ...], MixedRequest | None, MeasuredRequest | None]:
    """Give a recipe with the steps that stand for several written out, and what it asks to be found out."""
    steps, where = project.recipes[name], f"{project.where}: recipes.{name}"
    if not steps:
        return steps, None, None
    from ..compiler.recipe import written_out

    applied, measured = take_measured(written_out(steps, where=where), where)
    return *take_request(applied, where), measured


_INTEGER_STEPS: Final = ("quantize", "qat")


def _is_static(recipe: tuple[Any, ...]) -> bool:
    """Whether a recipe makes activations integers by ranges from calibration."""
    last = recipe[-1] if recipe else None
    options = next((last[name] for name in _INTEGER_STEPS if name in last), None) if isinstance(last, Mapping) else None
    named = options.get("precision") if isinstance(options, Mapping) else None
    return any(named == precision for precision in Precision if precision.static)


def one_a_target(project: Project, *, variant: str) -> tuple[PlannedArtifact, ...]:
    """Give an artifact of each target, in its first format and under this variant's name; its recipe is still empty.

    Raises:
        EdgewrightError: as `plan_artifacts` does.
    """
    found: dict[str, PlannedArtifact] = {}
    for item in plan_artifacts(project):
        options = msgspec.structs.replace(item.options, variant=variant)
        found.setdefault(item.target.name, replace(item, recipe=(), options=options, mixed=None, measured=None))
    return tuple(found.values())


def drawn_sizes(project: Project) -> dict[str, int]:
    """Give the sizes that targets fix symbolic dimensions at, for the inputs that are drawn for all of them.

    By symbol, or by input and axis (`image[2]`).

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
    for name, section in project.targets.items():
        target = load_target(name)
        if isinstance(target, Configurable):
            for place, size in target.drawn_sizes(section.settings).items():
                sizes.setdefault(place, (size, name))
    return {symbol: size for symbol, (size, _) in sizes.items()}
