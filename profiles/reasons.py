"""Reasons of a report's entries, each said once for all entries of a device that share it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .report import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A reason, and the entries of one device that have it."""

    entries: tuple[Entry, ...]
    reason: str

    @property
    def device(self) -> str:
        """The device of the entries."""
        return self.entries[0].device


def told(entries: Iterable[Entry]) -> tuple[Told, ...]:
    """Give the reasons, in the order in which they are met first."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        for reason in entry.reasons:
            found.setdefault((entry.device, reason), []).append(entry)
    return tuple(Told(entries=tuple(sharing), reason=reason) for (_, reason), sharing in found.items())
