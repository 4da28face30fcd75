"""The record of a search over recipes, as people read it: a table for a terminal, a page with a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import wording
from .markup import Content, element
from .page import page, table
from .recipe_search import Figures, RecipeSearch, Trial
from .scatter import Point, scatter

if TYPE_CHECKING:
    from rich.console import RenderableType

TITLES = ("drop", "p50", "size", "recipe")


def recipe_text(recipe: tuple[Any, ...]) -> str:
    """Write a recipe as a project file has it: `["equalize", { quantize = { precision = "static_wi8_ai8" } }]`."""
    return f"[{', '.join(map(_value, recipe))}]"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(item)}' for key, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def render_search(search: RecipeSearch) -> RenderableType:
    """Give the Pareto set of each target as a table, and how many trials came to nothing."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = []
    for target in search.targets:
        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
        for title in TITLES:
            shown.add_column(title, justify="left" if title == "recipe" else "right", overflow="fold")
        for trial in search.pareto(target):
            assert trial.figures is not None
            shown.add_row(*_cells(trial.figures), Text(recipe_text(trial.recipe)))
        parts += [Text(headline(search, target), style="bold"), shown, Text("")]
    return Group(*parts)


def headline(search: RecipeSearch, target: str) -> str:
    """Say how many trials were made for a target, and how many no other one beats."""
    tried = [trial for trial in search.trials if trial.target == target]
    failed = sum(trial.figures is None for trial in tried)
    without = f", {failed} without an artifact that runs" if failed else ""
    return (
        f"{target} on {search.device}: {len(search.pareto(target))} of {len(tried)} trials are beaten by no other "
        f"({search.rows} tuning rows{without})"
    )


def render_search_html(search: RecipeSearch) -> str:
    """Give the page: a picture and a table for each target. Equal records, equal pages."""
    summary = f"{len(search.trials)} of at most {search.limit} trials on {search.device}, seed {search.seed}"
    return page(f"{search.name} – recipes", "search", summary, [_section(search, target) for target in search.targets])


def _section(search: RecipeSearch, target: str) -> Content:
    best = search.pareto(target)
    titles = ("Drop", "p50", "Size", "Recipe")
    ran = [(trial, trial.figures) for trial in search.trials if trial.target == target and trial.figures is not None]
    time_unit, scale = ("ms", 1.0) if any(figures.latency_ms >= 1.0 for _, figures in ran) else ("µs", 1e3)
    points = [
        Point(
            x=scale * figures.latency_ms,
            y=figures.drop,
            label=f"{', '.join(_cells(figures))}: {recipe_text(trial.recipe)}",
            good=trial in best,
        )
        for trial, figures in ran
    ]
    unit = next((figures.unit for _, figures in ran), "")
    problems = [trial for trial in search.trials if trial.target == target and trial.figures is None]
    return [
        element("h2", target),
        element("p", headline(search, target)),
        scatter(points, x_title=f"median latency in {time_unit}", y_title=f"drop in {unit}") if points else [],
        table(titles, [_row(trial) for trial in best], "Beaten by no other", numbers=titles[:3]),
        [
            element("h3", "Came to nothing"),
            table(
                ("Recipe", "Why"),
                [
                    element(
                        "tr",
                        element("td", element("code", recipe_text(trial.recipe))),
                        element("td", trial.problem, class_="why"),
                    )
                    for trial in problems
                ],
            ),
        ]
        if problems
        else [],
    ]


def _row(trial: Trial) -> Content:
    assert trial.figures is not None
    cells = [element("td", cell, class_="number") for cell in _cells(trial.figures)]
    return element("tr", cells, element("td", element("code", recipe_text(trial.recipe)), class_="why"))


def _cells(figures: Figures) -> tuple[str, str, str]:
    return (
        f"{figures.drop:.2f} {figures.unit}",
        wording.time_of(figures.latency_ms),
        wording.size_of(figures.size_bytes),
    )
