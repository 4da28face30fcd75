"""The record of a search by measured latency, as people read it: lines for a terminal, a section for the page."""

from __future__ import annotations

from collections.abc import Sequence

from . import wording
from .markup import Content, element
from .measured_search import Comparison, MeasuredSearch
from .page import table


def lines_of(search: MeasuredSearch) -> list[str]:
    """Give the search in lines: what came out, then each comparison."""
    return [_headline(search), *(f"  {each.ratio:5.2f} ×  {_tried(each)}" for each in search.comparisons)]


def section_of(searches: Sequence[MeasuredSearch]) -> Content:
    """Give the section of the page; nothing when nothing was searched."""
    if not searches:
        return []
    return [element("h2", "Steps chosen by measured latency"), [_one(search) for search in searches]]


def _one(search: MeasuredSearch) -> Content:
    rows = [
        element(
            "tr",
            element("td", _tried(each)),
            element("td", f"{each.ratio:.3f}", class_="number"),
            element("td", f"{each.lowest:.3f} to {each.highest:.3f}", class_="number"),
            element("td", f"{each.beside_ms:.3f} ms", class_="number"),
            element("td", "yes" if each.taken else "no"),
        )
        for each in search.comparisons
    ]
    titles = ("Tried", "Times the latency", "In single turns", "p50 without", "Taken")
    return [element("h3", _headline(search)), table(titles, rows, numbers=titles[1:4])]


def _headline(search: MeasuredSearch) -> str:
    made = f"{len(search.comparisons)} of at most {search.limit} comparisons on {search.device}"
    made += f", {wording.TIERS[search.evidence]}"
    if search.step == "low_rank":
        kept = f"{len(search.chosen)} of {len(search.candidates)} layers are faster as factors"
        return f"{search.artifact}: {kept} ({made})"
    (share,) = search.chosen
    if search.holds:
        return f"{search.artifact}: {search.asked} is met with {share} of the multiply-accumulates ({made})"
    return f"{search.artifact}: nothing meets {search.asked} ({made}); the fastest has {share}"


def _tried(comparison: Comparison) -> str:
    names = comparison.tried
    return ", ".join(names) if len(names) <= _NAMED else f"{names[0]} and {len(names) - 1} more"


_NAMED = 2
