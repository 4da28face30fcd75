"""What the gates say of an entry. Nothing that was not run passes, and a gate that cannot be judged fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from ..vocabulary.evidence import Evidence
from .gates import DROP, FIGURE_GATES, GateOn, Gates
from .report import Entry, TensorParity, Verdict
from .tensor_bounds import TensorBounds, bounds_for


class _Outcome(Enum):
    BROKEN = auto()
    NOT_RUN = auto()
    NOTE = auto()


@dataclass(frozen=True, slots=True)
class _Finding:
    gate: str
    outcome: _Outcome
    reason: str


def judge(entry: Entry, gates: Gates) -> Entry:
    """Give the entry with its verdict and reasons: those that it has, then one for each gate that has something to say.

    - `fail` when a gate is broken, or cannot be judged and is not in `allow_not_run`. Tensor gates always stand.
    - `not-run` when there is no artifact, or nothing was run of it and all gates that ask for that are allowed not to.
    - `pass` otherwise. An entry that passes may still have reasons: `underpowered`, or what was not run.
    """
    if not entry.files:
        return msgspec.structs.replace(entry, verdict=Verdict.NOT_RUN)
    findings = [
        *_tensor_findings(entry, gates),
        *_drop_findings(entry, gates),
        *_figure_findings(entry, gates),
        *_profile_findings(entry),
    ]
    failed = any(
        finding.outcome is _Outcome.BROKEN
        or (finding.outcome is _Outcome.NOT_RUN and not gates.allows_not_run(finding.gate))
        for finding in findings
    )
    if failed:
        verdict = Verdict.FAIL
    elif entry.evidence is Evidence.NOT_RUN or entry.parity is None:
        verdict = Verdict.NOT_RUN
    else:
        verdict = Verdict.PASS
    reasons = tuple(dict.fromkeys((*entry.reasons, *(_sentence(finding, gates) for finding in findings))))
    return msgspec.structs.replace(entry, verdict=verdict, reasons=reasons)


def _sentence(finding: _Finding, gates: Gates) -> str:
    if finding.outcome is not _Outcome.NOT_RUN:
        return f"{finding.gate}: {finding.reason}"
    allowed = " (allowed)" if gates.allows_not_run(finding.gate) else ""
    return f"{finding.gate} not run{allowed}: {finding.reason}"


def _tensor_findings(entry: Entry, gates: Gates) -> Iterator[_Finding]:
    if entry.parity is None:
        named = [name for name in ("max_abs", "min_cosine", "min_psnr", "min_equal") if name in gates.bounds]
        for name in named or ["max_abs"]:
            yield _Finding(name, _Outcome.NOT_RUN, "the outputs were not compared with the original's")
        return
    for output, parity in entry.parity.outputs.items():
        yield from _output_findings(output, parity, entry.precision, gates)


def _output_findings(output: str, parity: TensorParity, precision: str, gates: Gates) -> Iterator[_Finding]:
    bounds = bounds_for(precision, parity, gates)
    if parity.nonfinite:
        yield _Finding(
            "max_abs",
            _Outcome.BROKEN,
            f"output {output} has {parity.nonfinite} elements that are NaN or infinite there or in the original "
            f"alone{_on_row(parity)}",
        )
        return
    if bounds == TensorBounds() and gates.has_defaults:
        yield _Finding(
            "max_abs", _Outcome.NOT_RUN, f"output {output} of precision {precision} has no default bound, name one"
        )
    elif bounds == TensorBounds() and DROP not in gates.bounds:
        yield _Finding(
            DROP,
            _Outcome.NOT_RUN,
            f"the recipe changes what the model computes, and no gate says how far output {output} may be from the "
            "original's; name max_drop, or min_cosine",
        )
    if bounds.max_abs is not None and (parity.max_abs is None or parity.max_abs > bounds.max_abs):
        yield _Finding(
            "max_abs",
            _Outcome.BROKEN,
            f"output {output} is off by {_number(parity.max_abs)}{_on_row(parity)}, over {bounds.max_abs:.3g}",
        )
    # equal outputs have no cosine when they are zero and no PSNR at all, and need neither
    if parity.max_abs == 0.0:
        return
    if bounds.min_cosine is not None and (parity.cosine is None or parity.cosine < bounds.min_cosine):
        yield _Finding(
            "min_cosine",
            _Outcome.BROKEN,
            f"output {output} has {_number(parity.cosine)}, under {bounds.min_cosine:.6g}"
            if parity.cosine is not None
            else f"output {output} has none, for one side is {'all zeros' if not parity.nonfinite else 'not finite'}",
        )
    if bounds.min_psnr_db is not None and (parity.psnr_db is None or parity.psnr_db < bounds.min_psnr_db):
        yield _Finding(
            "min_psnr",
            _Outcome.BROKEN,
            f"output {output} has {_number(parity.psnr_db)} dB, under {bounds.min_psnr_db:g} dB",
        )
    if bounds.min_equal is not None and parity.equal_fraction < bounds.min_equal:
        yield _Finding(
            "min_equal",
            _Outcome.BROKEN,
            f"output {output} is equal in {100 * parity.equal_fraction:.4g} %, under {100 * bounds.min_equal:g} %",
        )


def _drop_findings(entry: Entry, gates: Gates) -> Iterator[_Finding]:
    bound = gates.bounds.get(DROP)
    if bound is None:
        return
    metric = entry.metric
    if metric is None:
        yield _Finding(DROP, _Outcome.NOT_RUN, "no task metric was measured")
        return
    if bound.unit != metric.unit:
        yield _Finding(
            DROP, _Outcome.BROKEN, f"the bound is in {bound.unit}, but a drop of {metric.name} is in {metric.unit}"
        )
        return
    low, high = metric.ci95
    strict = gates.gate_on is GateOn.CI95
    judged = high if strict else metric.drop_pp
    if judged > bound.value:
        what = "up to " if strict else ""
        yield _Finding(DROP, _Outcome.BROKEN, f"{metric.name} drops by {what}{judged:.3g} {metric.unit}, over {bound}")
    if low <= bound.value < high:
        yield _Finding(
            DROP,
            _Outcome.NOTE,
            f"underpowered: with {metric.rows} rows the drop lies between {low:.3g} and {high:.3g} {metric.unit}, "
            f"on both sides of {bound}",
        )


def _figure_findings(entry: Entry, gates: Gates) -> Iterator[_Finding]:
    for name, gate in FIGURE_GATES.items():
        bound = gates.bounds.get(name)
        if bound is None:
            continue
        figure = gate.figure(entry)
        if figure is None:
            yield _Finding(name, _Outcome.NOT_RUN, gate.needs + _way_out(entry, name, gates))
        elif figure > bound.base:
            unit = bound.UNITS[bound.unit][1]
            yield _Finding(name, _Outcome.BROKEN, f"{figure / unit:.4g} {bound.unit}, over {bound}")


def _way_out(entry: Entry, gate: str, gates: Gates) -> str:
    """Say how a gate that can never be judged here may stay unjudged."""
    if entry.evidence is not Evidence.EMULATED or gates.allows_not_run(gate):
        return ""
    return f"; allow_not_run in [targets.{entry.target}.gates] can name it"


def _profile_findings(entry: Entry) -> Iterator[_Finding]:
    if entry.evidence is Evidence.EMULATED and entry.profile is None:
        reason = f"{entry.runtime} is emulated, and how fast an emulation is says nothing"
        yield _Finding("latency and memory", _Outcome.NOTE, f"not run: {reason}")


def _on_row(parity: TensorParity) -> str:
    return "" if parity.worst_row is None else f" on row {parity.worst_row}"


def _number(value: float | None) -> str:
    return "no figure" if value is None else f"{value:.6g}"
