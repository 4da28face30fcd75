"""Whether integers made a model faster, as it was measured: each integer artifact beside the float32 one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..vocabulary.evidence import Evidence
from ..vocabulary.precision import Precision
from . import wording
from .forecast import Forecast, times_of
from .report import Entry, Verdict

ALIKE = 0.03
"""Latencies that differ by less are alike: two runs of one artifact on one machine differ by as much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """An integer artifact and the float32 one of the same model, target, format, runtime, device and threads.

    `ratio` is the p50 of one row of the integer artifact by that of the float one: below 1 the integers are faster.
    Both figures are of the same tier of evidence. `foretold` is the ratio that was estimated before the build.
    """

    artifact: str
    beside: str
    device: str
    evidence: Evidence
    ratio: float
    foretold: float | None
    passed: bool
    beside_passed: bool

    @property
    def faster(self) -> bool | None:
        """Whether integers are faster; None when the two are alike."""
        return None if abs(self.ratio - 1.0) < ALIKE else self.ratio < 1.0


def gains_of(entries: Sequence[Entry], forecasts: Sequence[Forecast] = ()) -> tuple[Gain, ...]:
    """Pair every integer entry that was measured with its float32 one, and with what was foretold of its precision."""
    foretold = {(each.target, each.device, each.precision): each.ratio for each in forecasts}
    floats = {_pair_key(entry): entry for entry in entries if entry.precision == Precision.FP32 and entry.profile}
    found = []
    for entry in entries:
        beside = floats.get(_pair_key(entry))
        if beside is None or entry.profile is None or beside.profile is None or not _is_integer(entry.precision):
            continue
        ratio = _per_row(entry) / _per_row(beside)
        found.append(
            Gain(
                artifact=entry.artifact,
                beside=beside.artifact,
                device=entry.device,
                evidence=entry.evidence,
                ratio=ratio,
                foretold=foretold.get((entry.target, entry.device, entry.precision)),
                passed=entry.verdict is Verdict.PASS,
                beside_passed=beside.verdict is Verdict.PASS,
            )
        )
    return tuple(found)


def sentence_of(gain: Gain) -> str:
    """Say it in a sentence with its tier, beside what was estimated before, and what the ladder makes of it."""
    tier = wording.TIERS[gain.evidence]
    evidence = tier if gain.foretold is None else f"{tier}; {times_of(gain.foretold)} was estimated"
    if gain.faster is None:
        return f"{gain.artifact} on {gain.device}: as fast as {gain.beside} ({evidence})"
    told = f"{gain.artifact} on {gain.device}: {times_of(gain.ratio)} than {gain.beside} ({evidence})"
    if gain.passed and gain.beside_passed:
        told += f"; the ladder puts {f'it before {gain.beside}' if gain.faster else f'{gain.beside} before it'}"
    return told


def _pair_key(entry: Entry) -> tuple[object, ...]:
    name = entry.artifact.removeprefix(f"{entry.target}-{entry.variant}")
    place = entry.runtime, entry.runtime_version, entry.device, entry.threads, entry.evidence
    return entry.target, name, *place, _model_of(entry)


def _model_of(entry: Entry) -> object:
    """Say which model an entry is of: the original, what it learned to be, or what a recipe made of it."""
    return None if entry.made is None else entry.training or entry.variant


def _per_row(entry: Entry) -> float:
    assert entry.profile is not None
    return entry.profile.latency_ms.p50 / max(1, entry.batch)


def _is_integer(precision: str) -> bool:
    return precision in {each.value for each in Precision if each.integer}
