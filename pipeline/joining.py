"""Joins the artifacts of a build whose project asks that they share their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..targets.base import Joining
from .plan import PlannedArtifact
from .runner import Runner
from .steps.join_artifacts import JoinArtifacts, read_artifacts
from .subject import Subject

Compiled = Sequence[Subject | None]


def groups(planned: Sequence[PlannedArtifact], compiled: Compiled) -> Iterator[tuple[int, ...]]:
    """Give the places of artifacts that are to be joined, a group at a time; those that failed are left out."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, (item, subject) in enumerate(zip(planned, compiled, strict=True)):
        if subject is not None and isinstance(item.target, Joining) and item.target.joins(item.options.settings):
            found.setdefault((item.target.name, item.options.format), []).append(place)
    yield from (tuple(places) for places in found.values() if len(places) > 1)


def join(target: PlannedArtifact, subjects: Sequence[Subject], runner: Runner) -> list[Subject]:
    """Join artifacts of the target of one of them.

    Raises:
        EdgewrightError: when they cannot be joined.
    """
    entry = runner.step(
        JoinArtifacts(
            target=target.target.name,
            packages=target.target.packages,
            artifacts=tuple(subject.artifact for subject in subjects),
            folders=tuple(str(subject.folder) for subject in subjects),
        )
    )
    return [
        Subject(artifact=artifact, folder=entry / "files", runtime=subject.runtime)
        for artifact, subject in zip(read_artifacts(entry), subjects, strict=True)
    ]
