"""What models have learned by steps of their recipes, as people read it: lines for a terminal, tables for the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..vocabulary.training import TrainingRecord
from .markup import Content, element
from .page import table
from .report import Entry


def lines_of(entries: Iterable[Entry]) -> list[str]:
    """Give a line for all artifacts that learned the same, in the order of the entries.

    `tflite-small, tvm-small: distill: accuracy 91.2 → 94.8 % on 80 rows held back, in 460 of 460 steps on 800 rows`.
    """
    found: dict[tuple[TrainingRecord, ...], dict[str, None]] = {}
    for entry in entries:
        if entry.training:
            found.setdefault(entry.training, {})[entry.artifact] = None
    return [f"{', '.join(names)}: {'; '.join(map(sentence_of, records))}" for records, names in found.items()]


def sentence_of(record: TrainingRecord) -> str:
    """Say of one step what came of it, and how much it took."""
    kept = "" if record.kept == record.steps else f", the weights of step {record.kept} kept"
    why = f", then stopped: {record.stopped}" if record.stopped else ""
    return (
        f"{record.step}: {record.metric.name} {_change_of(record)} on {record.metric.rows} rows held back, "
        f"in {record.steps} of {record.planned} steps on {record.rows} rows{why}{kept}"
    )


def section_of(entries: Sequence[Entry]) -> Content:
    """Give the section of the page; nothing when nothing was learned."""
    lines = lines_of(entries)
    if not lines:
        return []
    return [element("h2", "Training"), element("ul", [element("li", line) for line in lines])]


def details_of(records: Sequence[TrainingRecord]) -> Content:
    """Give what an artifact's weights have learned, step by step; nothing where they are the original's."""
    if not records:
        return []
    rows = [
        element(
            "tr",
            [
                element("td", cell)
                for cell in (
                    record.step,
                    element("code", record.options),
                    f"{record.metric.name} {_change_of(record)} ({record.metric.rows} rows held back)",
                    f"{record.rows}, {'with' if record.labelled else 'without'} labels",
                    f"{record.steps} of {record.planned}; {record.kept} kept",
                    f"{record.seed}",
                    record.stopped or "–",
                    element("code", record.data),
                )
            ],
        )
        for record in records
    ]
    titles = ("Step", "Options", "Before → after", "Training rows", "Steps", "Seed", "Stopped", "SHA-256 of the rows")
    return [
        element("h3", "Training"),
        table(titles, rows, "what the weights have learned since the model was imported"),
    ]


def _change_of(record: TrainingRecord) -> str:
    return f"{record.metric.before:.1f} → {record.metric.after:.1f} %"
