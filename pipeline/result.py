"""What a build gives back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..profiles.report import Report


class Problem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that kept an artifact from being made or run: what, what to do, and the exit code that it asks for.

    `log` is what the child said that it happened in; empty when it said nothing.
    """

    subject: str
    message: str
    hint: str | None
    exit_code: int
    log: str = ""


class BuildResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of a build. No bundle is written unless `exit_code` is 0."""

    report: Report
    report_path: Path
    bundle: Path | None
    archive: Path | None
    signed: bool
    problems: tuple[Problem, ...]
    exit_code: int


def first_exit_code(codes: set[int]) -> int:
    """Give the one that counts of several: a refused signature, a wrong request, a failed tool, a broken gate."""
    return next((code for code in (4, 2, 3, 1) if code in codes), 0)
