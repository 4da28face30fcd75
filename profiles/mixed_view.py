"""The record of a mixed-precision search, as people read it: lines for a terminal, a section for the page."""

from __future__ import annotations

from collections.abc import Sequence

from . import wording
from .markup import Content, element
from .mixed_precision import Evaluation, MixedPrecisionSearch
from .page import table
from .scatter import Point, scatter

SHOWN = 5
"""Nodes of a ranking that a person is shown; the record has all."""


def lines_of(search: MixedPrecisionSearch) -> list[str]:
    """Give the search in lines: what was asked, the curve, and where the accuracy is lost."""
    found = [headline(search), f"  {'float':>5}  {'drop':>12}  {'size':>8}"]
    for evaluation in sorted(search.evaluations, key=lambda each: each.kept_float):
        drop, size = f"{evaluation.drop:.2f} {evaluation.unit}", wording.size_of(evaluation.size_bytes)
        found.append(f"  {evaluation.kept_float:>5}  {drop:>12}  {size:>8}  {_mark(search, evaluation)}".rstrip())
    return [*found, "  the most sensitive nodes, and the signal to noise with each alone in integers:"]


def ranked_of(search: MixedPrecisionSearch) -> list[tuple[str, str, str]]:
    """Give the most sensitive nodes: the signal to noise that each leaves alone in integers, its name, and why."""
    return [(f"{node.snr_db:.1f} dB", f"{node.node} ({node.op})", node.why) for node in search.ranking[:SHOWN]]


def headline(search: MixedPrecisionSearch) -> str:
    """Say in a sentence what came out."""
    made = f"{len(search.evaluations)} of at most {search.limit} evaluations on {search.rows} tuning rows"
    total = len(search.ranking)
    if search.holds:
        return f"{search.artifact}: {len(search.kept_float)} of {total} nodes stay float for {search.max_drop} ({made})"
    kept = f"{len(search.kept_float)} of {total} nodes"
    return f"{search.artifact}: nothing keeps within {search.max_drop} ({made}); the best found keeps {kept} float"


def section_of(searches: Sequence[MixedPrecisionSearch]) -> Content:
    """Give the section of the page; nothing when nothing was searched."""
    if not searches:
        return []
    return [element("h2", "Mixed precision"), [_one(search) for search in searches]]


def _one(search: MixedPrecisionSearch) -> Content:
    unit = next(evaluation.unit for evaluation in search.evaluations)
    points = [
        Point(
            x=evaluation.kept_float,
            y=evaluation.drop,
            label=f"{evaluation.kept_float} float: {evaluation.drop:.2f} {unit}, "
            f"{wording.size_of(evaluation.size_bytes)}",
            good=evaluation.holds,
        )
        for evaluation in search.evaluations
    ]
    rows = [
        element(
            "tr",
            element("td", node.node),
            element("td", node.op),
            element("td", f"{node.snr_db:.1f} dB", class_="number"),
            element("td", "float" if node.node in search.kept_float else "integers"),
            element("td", node.why, class_="why"),
        )
        for node in search.ranking[: max(SHOWN, len(search.kept_float))]
    ]
    titles = ("Node", "Operator", "SNR when alone in integers", "Here", "Why")
    return [
        element("h3", headline(search)),
        scatter(
            points,
            x_title="nodes that stay float, the most sensitive first",
            y_title=f"drop in {unit}",
            bound=float(search.max_drop.split()[0]),
            joined=True,
            x_step=1.0,  # nodes are counted
        ),
        table(titles, rows, numbers=titles[2:3]),
    ]


def _mark(search: MixedPrecisionSearch, evaluation: Evaluation) -> str:
    if evaluation.kept_float == len(search.kept_float):
        return "taken" if search.holds else "taken, the best found"
    return "" if evaluation.holds else "too far"
