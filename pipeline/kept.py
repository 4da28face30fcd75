"""Entries of a kept report, taken instead of measuring, for artifacts that are the same to the byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..profiles.report import Entry, Report
from ..vocabulary.errors import ConfigError
from .entries import entry_not_opened
from .on_device import Place
from .subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A report of an earlier build, and where it lies."""

    path: Path
    report: Report


def read_report(path: Path) -> Report:
    """Read a kept `report.json`.

    Raises:
        ConfigError: when it cannot be read, or is no report.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the report cannot be read: {error.strerror}") from error
    return Report.decode(data, path.name)


def kept_entries(
    kept: Kept,
    subjects: Sequence[Subject],
    places: Sequence[Place],
    judge: Callable[[Entry], Entry],
) -> list[Entry]:
    """Give the report's entry for each artifact on each device that opens it, judged anew.

    Raises:
        ConfigError: when the report lacks one, or was made of other bytes.
    """
    path = kept.path
    known = {(entry.artifact, entry.device): entry for entry in kept.report.entries}
    found = []
    for subject in subjects:
        for place in places:
            name, device = subject.artifact.name, place.device.name
            reason = place.device.cannot_open(subject.runtime)
            if reason is not None:
                found.append(entry_not_opened(subject, place, reason))
                continue
            entry = known.get((name, device))
            if entry is None:
                raise ConfigError(f"{path}: no entry for {name} on {device}", hint="build without --evidence")
            if entry.files != subject.artifact.files:
                raise ConfigError(
                    f"{path}: {name} was measured on other bytes than those built now",
                    hint="build without --evidence, or with the tools and sources of that report",
                )
            found.append(judge(entry))
    return found
