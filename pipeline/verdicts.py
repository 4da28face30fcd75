"""The gates of a project, and what they say of each entry."""

from __future__ import annotations

import msgspec

from ..bundle.manifest import Tolerance, ToleranceKind
from ..fallback.rules import REFERENCE
from ..profiles.gates import TENSOR_GATES, Gates, parse
from ..profiles.judge import judge
from ..profiles.report import Entry, Parity, Verdict
from ..profiles.tensor_bounds import DEFAULTS, TensorBounds
from ..vocabulary.evidence import Evidence
from .config import Project

_ON_GOLDEN = "golden vectors: "
"""What a reason begins with that speaks of the golden vectors."""


class Verdicts:
    """Judges entries by `[gates]` and `[targets.NAME.gates]`; the reference by the default tensor gates alone."""

    def __init__(self, project: Project) -> None:
        """Read the gates of a project.

        Raises:
            ConfigError: when a bound has no unit, or a gate is unknown.
        """
        common = parse(project.gates, project.where)
        self._gates = {
            name: common.overridden_by(parse(section.gates, project.where, f"targets.{name}.gates"))
            for name, section in project.targets.items()
        }
        self._gates[REFERENCE] = Gates()

    def judge(self, entry: Entry, golden: Parity | None) -> Entry:
        """Give the entry with its verdict; `golden` is its parity on the golden vectors, None when it was not run."""
        gates = self._gates[entry.target]
        judged = judge(entry, gates)
        if golden is None:
            return judged
        on_golden = judge(msgspec.structs.replace(entry, parity=golden, reasons=()), _tensor_gates(gates))
        if on_golden.verdict is not Verdict.FAIL:
            return judged
        reasons = (*judged.reasons, *(f"{_ON_GOLDEN}{reason}" for reason in on_golden.reasons))
        return msgspec.structs.replace(judged, verdict=Verdict.FAIL, reasons=reasons)

    def judge_kept(self, entry: Entry) -> Entry:
        """Judge an entry of a kept report anew, but for what it says of the golden vectors: they are not run again."""
        on_golden = tuple(reason for reason in entry.reasons if reason.startswith(_ON_GOLDEN))
        own = entry.reasons if entry.evidence is Evidence.NOT_RUN else ()  # why it was not run is not found out anew
        judged = self.judge(msgspec.structs.replace(entry, reasons=own), None)
        if not on_golden:
            return judged
        reasons = tuple(dict.fromkeys((*judged.reasons, *on_golden)))
        return msgspec.structs.replace(judged, verdict=Verdict.FAIL, reasons=reasons)

    def tolerances(self, entry: Entry) -> dict[str, tuple[Tolerance, ...]]:
        """Give the bounds that each output of an entry was held to, for whoever verifies the bundle."""
        assert entry.parity is not None, "a bundle is made of entries that ran"
        return {
            output: _tolerances(entry.precision, parity.dtype, self._gates[entry.target])
            for output, parity in entry.parity.outputs.items()
        }


def _tensor_gates(gates: Gates) -> Gates:
    return Gates(bounds={name: bound for name, bound in gates.bounds.items() if name in TENSOR_GATES})


def _tolerances(precision: str, dtype: str, gates: Gates) -> tuple[Tolerance, ...]:
    default = DEFAULTS.get(precision, TensorBounds())
    own = {name: bound.base for name, bound in gates.bounds.items()}
    if not dtype.startswith(("float", "bfloat")):
        share = own["min_equal"] / 100.0 if "min_equal" in own else default.min_equal
        return (Tolerance(kind=ToleranceKind.EQUAL_FRACTION, bound=share),) if share is not None else ()
    found = []
    if "max_abs" in own:
        found.append(Tolerance(kind=ToleranceKind.MAX_ABS, bound=own["max_abs"]))
    elif default.max_abs is not None:
        found.append(Tolerance(kind=ToleranceKind.MAX_ABS_SCALED, bound=default.max_abs))
    cosine = own.get("min_cosine", default.min_cosine)
    if cosine is not None:
        found.append(Tolerance(kind=ToleranceKind.COSINE, bound=cosine))
    if "min_psnr" in own:
        found.append(Tolerance(kind=ToleranceKind.PSNR_DB, bound=own["min_psnr"]))
    return tuple(found)
