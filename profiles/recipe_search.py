"""The record of a search over recipes: every trial with its three figures, and which of them no other one beats."""

from __future__ import annotations

from typing import Any

import msgspec

from ..vocabulary.evidence import Evidence


class Figures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found of an artifact on the tuning rows; all three are the better the smaller they are.

    `drop` is how much worse than the original it is, in `unit`; `latency_ms` the median of one call.
    """

    drop: float
    unit: str
    latency_ms: float
    size_bytes: int
    evidence: Evidence

    def beats(self, other: Figures) -> bool:
        """Whether this is nowhere worse than the other, and somewhere better."""
        own, others = ((figures.drop, figures.latency_ms, figures.size_bytes) for figures in (self, other))
        return own != others and all(mine <= theirs for mine, theirs in zip(own, others, strict=True))


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recipe for one target. `figures` is None when it came to no artifact that runs: then `problem` says why."""

    target: str
    recipe: tuple[Any, ...]
    figures: Figures | None
    problem: str = ""


class RecipeSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All trials in their order. `limit` is the number that was announced; `seed` repeats the search."""

    name: str
    device: str
    rows: int
    limit: int
    seed: int
    trials: tuple[Trial, ...]

    def pareto(self, target: str) -> tuple[Trial, ...]:
        """Give the trials of a target that no other one beats, the smallest drop first; equal ones once."""
        tried = [trial for trial in self.trials if trial.target == target and trial.figures is not None]
        best: dict[tuple[float, float, int], Trial] = {}
        for trial in tried:
            figures = trial.figures
            assert figures is not None
            if not any(other.figures is not None and other.figures.beats(figures) for other in tried):
                best.setdefault((figures.drop, figures.latency_ms, figures.size_bytes), trial)
        return tuple(best[key] for key in sorted(best))

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that were searched for, in the order of their first trials."""
        return tuple(dict.fromkeys(trial.target for trial in self.trials))
