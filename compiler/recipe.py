"""Recipes: named lists of steps that make variants of a model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, cast

import msgspec

from ..vocabulary.errors import ConfigError, RequestError
from ..vocabulary.tables import Table
from .model import Model, Precision
from .passes.base import Pass, Pipeline
from .passes.editing import Array
from .quantize.informed import InformedPass
from .quantize.ranges import Ranges
from .quantize.scheme import Scheme
from .recipe_gradual import Gradual
from .recipe_order import check_order
from .recipe_step import Step, read_step

STEPS: Final = Table(
    "edgewright.passes",
    {
        "distill": "edgewright.compiler.train.distill:Distill",
        "equalize": "edgewright.compiler.quantize.equalize:Equalize",
        "finetune": "edgewright.compiler.train.finetune:Finetune",
        "float16": "edgewright.compiler.passes.float16:Float16",
        "low_rank": "edgewright.compiler.low_rank.low_rank:LowRank",
        "gradual": "edgewright.compiler.recipe_gradual:Gradual",
        "palettize": "edgewright.compiler.quantize.palettize:Palettize",
        "prune": "edgewright.compiler.prune.prune:Prune",
        "qat": "edgewright.compiler.train.qat:Qat",
        "quantize": "edgewright.compiler.quantize.quantize:Quantize",
        "reinitialize": "edgewright.compiler.train.reinitialize:Reinitialize",
        "smooth_quant": "edgewright.compiler.quantize.smooth_quant:SmoothQuant",
        "sparsify": "edgewright.compiler.quantize.sparsify:Sparsify",
    },
)
"""Step name → pass class, constructed with the step's options as keyword arguments; `Gradual` stands for several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Steps in the order in which they are applied. No steps: the model as it is."""

    steps: tuple[Step, ...]
    passes: tuple[Pass, ...]


def parse(steps: Sequence[Any], *, where: str) -> Recipe:
    """Read a recipe as project files write it: `["float16"]`, `[{ prune = { sparsity = "50%" } }, "float16"]`.

    `where` names the place in errors: `edgewright.toml: recipes.fp16`.

    Raises:
        ConfigError: when a step is unknown, is no name or one-key table, has options that it does not know, or stands
            where it must not (`recipe_order.RULES`).
    """
    placed = [
        (f"{where}[{index}]", step)
        for index, value in enumerate(steps)
        for step in _written_out(read_step(value, f"{where}[{index}]"), f"{where}[{index}]")
    ]
    read = tuple(step for _, step in placed)
    passes = tuple(cast("Pass", _construct(step, place)) for place, step in placed)
    check_order(read, passes, where)
    return Recipe(steps=read, passes=passes)


def written_out(steps: Sequence[Any], *, where: str) -> tuple[Any, ...]:
    """Give a recipe as project files write it, with the steps that stand for several replaced by those.

    Raises:
        ConfigError: when such a step is none.
    """
    found: list[Any] = []
    for index, value in enumerate(steps):
        step = read_step(value, f"{where}[{index}]")
        several = _written_out(step, f"{where}[{index}]")
        found += [value] if several == (step,) else [one.raw for one in several]
    return tuple(found)


def apply(
    model: Model,
    recipe: Recipe,
    *,
    ranges: Ranges | None = None,
    schemes: Mapping[Precision, Scheme] | None = None,
    moments: Mapping[str, Array] | None = None,
) -> Model:
    """Give the variant that a recipe makes of a model; the model stays as it was.

    `ranges` and `moments` are those of `model`, `schemes` those of the target that asks. A recipe in which a pass
    that needs ranges stands behind one that changes them is applied piece by piece, each with ranges of its own.

    Raises:
        RequestError: when the target has no scheme for the precision that the recipe asks for; names the nearest.
        ToolError: when a pass broke the model's inputs or outputs, or needs ranges and was given none.
    """
    passes = [
        item.informed(ranges, scheme_for(item, schemes or {}), moments) if isinstance(item, InformedPass) else item
        for item in recipe.passes
    ]
    return Pipeline(*passes)(model) if passes else model


def split(recipe: Recipe) -> tuple[Recipe, Recipe]:
    """Part a recipe into the steps that leave the precision alone, and those behind them that set it (or none)."""
    at = len(recipe.passes)
    while at and recipe.passes[at - 1].precision is not None:
        at -= 1
    first = Recipe(steps=recipe.steps[:at], passes=recipe.passes[:at])
    return first, Recipe(steps=recipe.steps[at:], passes=recipe.passes[at:])


def scheme_for(item: Pass, schemes: Mapping[Precision, Scheme]) -> Scheme | None:
    """Give the scheme that a step follows, of those of a target; None for one that leaves the precision alone.

    Raises:
        RequestError: when there is none for its precision; names the nearest.
    """
    if item.precision is None:
        return None
    if item.precision not in schemes:
        near = get_close_matches(item.precision, schemes, 1, cutoff=0.0)
        raise RequestError(
            f"the target has no scheme for precision {item.precision}",
            hint=f"the nearest that it has is {near[0]}" if near else "it quantizes nothing",
        )
    return schemes[item.precision]


def _written_out(step: Step, where: str) -> tuple[Step, ...]:
    if step.name != "gradual":
        return (step,)
    return cast("Gradual", _construct(step, where)).steps()


def _construct(step: Step, where: str) -> Pass | Gradual:
    if step.name not in STEPS.names:
        near = get_close_matches(step.name, STEPS.names, 1)
        raise ConfigError(
            f"{where}: there is no step {step.name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"known steps: {', '.join(STEPS.names)}",
        )
    kind = cast("type[Pass | Gradual]", STEPS.load(step.name))
    known = inspect.signature(kind).parameters
    for option, value in step.options.items():
        if option not in known:
            raise ConfigError(
                f"{where}: step {step.name!r} has no option {option!r}",
                hint=f"its options: {', '.join(known)}" if known else "it takes no options",
            )
        _check_option(known[option], value, f"{where}: step {step.name!r}")
    missing = [name for name, option in known.items() if option.default is option.empty and name not in step.options]
    if missing:
        raise ConfigError(
            f"{where}: step {step.name!r} has no {missing[0]}, which must be said",
            hint=f"write {{ {step.name} = {{ {missing[0]} = … }} }}",
        )
    try:
        return kind(**step.options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: step {step.name!r}: {error}") from error


_OPTION_TYPES: Final[Mapping[str, tuple[Any, str]]] = {
    "bool": (bool, "true or false"),
    "bool | None": (bool, "true or false"),
    "float": (float, "a number"),
    "float | None": (float, "a number"),
    "int": (int, "a whole number"),
    "str": (str, "a text"),
    "Mapping[str, Any]": (dict[str, Any], "a table of options"),
    "Mapping[str, Any] | None": (dict[str, Any], "a table of options"),
    "Mapping[str, str]": (dict[str, str], "a table of texts"),
    "Sequence[str]": (list[str], "a list of texts"),
}
"""Annotation of a pass's parameter → the type, and what it is called in project files. A pass checks others itself."""


def _check_option(parameter: inspect.Parameter, value: Any, where: str) -> None:
    annotation = parameter.annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if name not in _OPTION_TYPES:
        return
    type_, words = _OPTION_TYPES[name]
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {parameter.name} = {value!r}: expected {words}") from error
