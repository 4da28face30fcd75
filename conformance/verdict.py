"""What a target made of a case."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """Every case ends in one of these."""

    PASSED = "passed"
    REFUSED = "refused"
    """By the importer or by `coverage()`, before anything was emitted."""
    REFUSED_LATE = "refused-late"
    """By `compile` alone: `coverage()` had promised the model."""
    FAILED = "failed"
    """A crash, an exception, a hang, or a file that its runtime cannot open or run."""
    WRONG = "wrong"
    """Another answer than ONNX's."""


FINDINGS = frozenset({Verdict.REFUSED_LATE, Verdict.FAILED, Verdict.WRONG})
"""What no target may end in."""


IMPORTER = "importer"
"""Who refused, when it was no target."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A verdict with its reason. `by` is who refused: `IMPORTER`, or the target by name."""

    verdict: Verdict
    reason: str = ""
    by: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one case: as it is given and, where that was refused, with all inputs but the first constant.

    `handling` is what became of the case's own operator where the case passed: `native`, `decomposed`, or both; empty
    where the node was folded or expanded before the target saw it.
    """

    case: str
    operator: str
    given: Outcome
    fixed: Outcome | None = None
    handling: str = ""
    seconds: float = 0.0

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One or two outcomes."""
        return (self.given,) if self.fixed is None else (self.given, self.fixed)

    @property
    def is_finding(self) -> bool:
        """Whether an outcome is one that no target may end in."""
        return any(outcome.verdict in FINDINGS for outcome in self.outcomes)

    @property
    def word(self) -> str:
        """The result in words: `refused`, `refused; passed with inputs fixed`."""
        if self.fixed is None or self.fixed.verdict is Verdict.REFUSED:
            return self.given.verdict
        return f"{self.given.verdict}; {self.fixed.verdict} with inputs fixed"
