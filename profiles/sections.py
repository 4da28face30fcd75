"""The entries of a report by device: what ran there, and what the device does not open, folded into a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .reasons import told
from .report import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A device, and its entries in the order of the report."""

    device: str
    entries: tuple[Entry, ...]
    """Those that are rows of a table."""
    left_out: tuple[str, ...] = ()
    """A line for each reason why the device opens no artifacts: `not opened: tfjs-fp32, tfjs-fp16: …`."""


def sections_of(entries: Iterable[Entry]) -> tuple[Section, ...]:
    """Give a section for each device, in the order in which devices are met."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.device, []).append(entry)
    return tuple(
        Section(
            device=device,
            entries=tuple(entry for entry in own if not entry.left_out),
            left_out=tuple(
                f"not opened: {', '.join(entry.artifact for entry in each.entries)}: {each.reason}"
                for each in told(entry for entry in own if entry.left_out)
            ),
        )
        for device, own in found.items()
    )
