"""The verdict table for a terminal or a text file: every column where there is room, else the most telling ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from . import measured_view, wording
from .gain import gains_of, sentence_of
from .mixed_view import lines_of, ranked_of
from .reasons import told
from .report import Entry, Report, Verdict
from .sections import Section, sections_of
from .training_view import lines_of as learned_lines_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from .mixed_precision import MixedPrecisionSearch

GAP = 2
"""Blanks between two columns."""
INDENT = "  "
"""What stands before an artifact below the name of its device."""

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_RUN: "yellow"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column: its place is that in `COLUMNS`; the lower its rank, the longer it stays when the terminal is narrow."""

    title: str
    rank: int
    cell: Callable[[Entry], str]
    is_number: bool = True


COLUMNS = (
    Column(title="artifact", rank=0, cell=wording.artifact_of, is_number=False),
    Column(title="runtime", rank=4, cell=wording.runtime_of, is_number=False),
    Column(title="verdict", rank=0, cell=lambda entry: entry.verdict, is_number=False),
    Column(title="metric", rank=2, cell=lambda entry: wording.metric_of(entry.metric)),
    Column(title="drop [95%]", rank=5, cell=lambda entry: wording.drop_of(entry.metric)),
    Column(title="max |Δ|", rank=3, cell=wording.worst_difference),
    Column(title="p50", rank=8, cell=lambda entry: wording.latency_of(entry, 50)),
    Column(title="p90", rank=1, cell=lambda entry: wording.latency_of(entry, 90)),
    Column(title="p99", rank=9, cell=lambda entry: wording.latency_of(entry, 99)),
    Column(title="load", rank=10, cell=wording.load_of),
    Column(title="memory", rank=7, cell=wording.memory_of),
    Column(title="size", rank=6, cell=wording.artifact_size_of),
    Column(title="evidence", rank=0, cell=lambda entry: wording.TIERS[entry.evidence], is_number=False),
)


def render(report: Report, width: int) -> RenderableType:
    """Give the table of verdicts with the reasons below it, no wider than `width` columns where names allow that.

    Where there are several devices, each has its part of the table, and a line with what it does not open.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    columns = fitting_columns(report, width)
    parts: list[RenderableType] = [_table(columns, report, Section(device="", entries=()), header=True)]
    for place, section in enumerate(sections_of(report.entries)):
        if _has_sections(report):
            parts += [Text("")] if place else []
            line = Text(section.device, style="bold")
            line.append(f"  {wording.device_of(report.devices.get(section.device))}", style="not bold dim")
            line.truncate(width, overflow="ellipsis")
            parts.append(line)
        parts.append(_table(columns, report, section, header=False))
        parts += [Padding(Text(line, style="dim"), (0, 0, 0, len(INDENT))) for line in section.left_out]
    searched = [part for search in report.searches for part in _searched(search)]
    searched += [Text(line) for search in report.measured for line in (*measured_view.lines_of(search), "")]
    found = (*_reasons(report), *_speed(report), *_learned(report), *searched)
    return Group(*parts, *found, Text(wording.summary_of(report), style="bold"))


def fitting_columns(report: Report, width: int) -> tuple[Column, ...]:
    """Give the columns that fit, in order: by rank all for which there is still room, those of rank 0 always.

    A column that says nothing is left out first: one in which nothing was run, and the runtimes where they are those
    that the artifacts name themselves.
    """
    candidates = [column for column in COLUMNS if column.rank == 0 or _says_something(column, report)]
    room = width + GAP
    kept: set[str] = set()
    for column in sorted(candidates, key=lambda column: column.rank):
        needed = GAP + _width(column, report)
        if column.rank and needed > room:
            continue
        room -= needed
        kept.add(column.title)
    return tuple(column for column in COLUMNS if column.title in kept)


def _table(columns: Sequence[Column], report: Report, section: Section, *, header: bool) -> Table:
    """Give the rows of a section, or the header alone; all have the widths that the whole report needs."""
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", collapse_padding=True, show_header=header
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, no_wrap=True, min_width=_width(column, report))
    for entry in section.entries:
        cells = (_cell(column, entry, report) for column in columns)
        table.add_row(
            *(
                Text(cell, style=STYLES[entry.verdict] if column.title == "verdict" else "")
                for column, cell in zip(columns, cells, strict=True)
            )
        )
    return table


def _cell(column: Column, entry: Entry, report: Report) -> str:
    indent = INDENT if column.title == "artifact" and _has_sections(report) else ""
    return indent + column.cell(entry)


def _width(column: Column, report: Report) -> int:
    cells = (_cell(column, entry, report) for entry in report.entries if not entry.left_out)
    return max(len(text) for text in (column.title, *cells))


def _has_sections(report: Report) -> bool:
    """Whether devices are named: there are several, or what was measured is not this machine itself."""
    devices = {entry.device for entry in report.entries}
    return len(devices) > 1 or any(facts.kind != "local" for facts in report.devices.values())


def _says_something(column: Column, report: Report) -> bool:
    if column.title == "runtime":
        return any("/" in entry.runtime for entry in report.entries)
    return any(column.cell(entry) != wording.NOT_RUN for entry in report.entries)


def _speed(report: Report) -> list[Text]:
    """Say whether integers helped here; what was foretold of those that were not measured stands in the page alone."""
    from rich.text import Text

    lines = [Text(f"  {sentence_of(gain)}") for gain in gains_of(report.entries, report.forecasts)]
    return [*lines, Text("")] if lines else []


def _learned(report: Report) -> list[Text]:
    """Say what models have learned by steps of their recipes."""
    from rich.text import Text

    lines = [Text(f"  {line}") for line in learned_lines_of(report.entries)]
    return [*lines, Text("")] if lines else []


def _searched(search: MixedPrecisionSearch) -> list[RenderableType]:
    """Give the curve of a search, and the nodes that it ranked with what long reasons leave of the width."""
    from rich.table import Table
    from rich.text import Text

    ranked = Table.grid(padding=(0, GAP, 0, 0))
    ranked.add_column(justify="right", min_width=GAP + len("100.0 dB"), no_wrap=True)
    ranked.add_column(overflow="fold")
    ranked.add_column(overflow="fold", ratio=1)
    for row in ranked_of(search):
        ranked.add_row(*map(Text, row))
    return [*(Text(line) for line in lines_of(search)), ranked, Text("")]


def _reasons(report: Report) -> list[Text]:
    from rich.text import Text

    lines = []
    for each in told(entry for entry in report.entries if not entry.left_out):
        line = Text("  ")
        for index, entry in enumerate(each.entries):
            line.append(", " if index else "")
            line.append(entry.artifact, style=STYLES[entry.verdict])
        line.append(f" on {each.device}", style=STYLES[each.entries[-1].verdict])
        line.append(f": {each.reason}")
        lines.append(line)
    lines += [Text(f"  {label}: {meaning}") for label, meaning in wording.labels_of(report.entries)]
    return [Text(""), *lines, Text("")] if lines else [Text("")]
