"""The gates of a project, and what they say of each entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from ..bundle.manifest import Tolerance, ToleranceKind
from ..fallback.rules import REFERENCE
from ..profiles.gates import TENSOR_GATES, Gates, parse
from ..profiles.judge import judge
from ..profiles.report import Entry, TensorParity, Verdict
from ..profiles.tensor_bounds import DEFAULTS, defaults_for
from ..targets.artifact import Artifact
from ..vocabulary.evidence import Evidence
from ..vocabulary.precision import Precision
from .config import Project
from .needs import recipe_of
from .plan import PlannedArtifact

_ON_GOLDEN = "golden vectors: "
"""What a reason begins with that speaks of the golden vectors."""

_BESIDE_RECIPE = "beside the model that the recipe made: "

COSINE_MARGIN = 0.01
MAX_ABS_FACTOR = 1.5
"""How far an integer artifact may be from what it gave at the build, on golden vectors that were drawn.

Integer kernels of other CPUs round some sums to the neighbouring step; a wrong kernel is off by far more.
"""


class Verdicts:
    """Judges entries by `[gates]` and `[targets.NAME.gates]`; the reference by the default tensor gates alone."""

    def __init__(self, project: Project, planned: Iterable[PlannedArtifact] = ()) -> None:
        """Read the gates of a project; the recipes of what is `planned` say which artifacts compute something else.

        Raises:
            ConfigError: when a bound has no unit, or a gate is unknown.
        """
        common = parse(project.gates, project.where)
        self._gates = {
            name: common.overridden_by(parse(section.gates, project.where, f"targets.{name}.gates"))
            for name, section in project.targets.items()
        }
        self._gates[REFERENCE] = Gates()
        self._golden_is_data = project.bundle.golden_rows is not None
        self._changed = frozenset(item.options.variant for item in planned if _changes(item, project.where))

    def judge(self, entry: Entry) -> Entry:
        """Give the entry with its verdict."""
        gates = self._gates_of(entry)
        judged = self._against_made(judge(entry, gates))
        if entry.golden is None:
            return judged
        finite = not any(parity.nonfinite for parity in entry.golden.outputs.values())
        if finite and self._is_as_measured(entry):
            return judged
        on_golden = judge(msgspec.structs.replace(entry, parity=entry.golden, reasons=()), _tensor_gates(gates))
        if on_golden.verdict is not Verdict.FAIL:
            return judged
        reasons = (*judged.reasons, *(f"{_ON_GOLDEN}{reason}" for reason in on_golden.reasons))
        return msgspec.structs.replace(judged, verdict=Verdict.FAIL, reasons=reasons)

    def judge_kept(self, entry: Entry) -> Entry:
        """Judge an entry of a kept report anew; why it was not run is not found out anew."""
        own = entry.reasons if entry.evidence is Evidence.NOT_RUN else ()
        return self.judge(msgspec.structs.replace(entry, reasons=own))

    def tolerances_of_all(
        self, entries: Iterable[Entry], artifacts: Iterable[Artifact]
    ) -> dict[str, dict[str, tuple[Tolerance, ...]]]:
        """Give the tolerances of each artifact, by its name: wide enough for every device that ran it.

        One that no device ran has the bounds of its precision; whoever first runs it holds it to them.
        """
        found: dict[str, dict[str, tuple[Tolerance, ...]]] = {}
        for entry in entries:
            if entry.parity is not None:
                bounds = self.tolerances(entry)
                known = found.setdefault(entry.artifact, bounds)
                found[entry.artifact] = {output: widest(known[output], bounds[output]) for output in bounds}
        for artifact in artifacts:
            if artifact.name not in found:
                gates = self._gates[artifact.target]
                found[artifact.name] = {
                    spec.name: _tolerances(artifact.precision, spec.dtype, gates) for spec in artifact.signature.outputs
                }
        return found

    def tolerances(self, entry: Entry) -> dict[str, tuple[Tolerance, ...]]:
        """Give the bounds that each output of an entry was held to, for whoever verifies the bundle.

        An integer artifact is not held to the original where the golden vectors were drawn, beyond what it was
        calibrated for, nor is one whose recipe made it compute something else, unless the project says how far it may
        be: there it must still give what it gave at the build.
        """
        assert entry.parity is not None, "a bundle is made of entries that ran"
        if self._is_as_measured(entry):
            assert entry.golden is not None, "an entry that ran has run over the golden vectors"
            return {output: _as_measured(parity) for output, parity in entry.golden.outputs.items()}
        return {
            output: _tolerances(entry.precision, parity.dtype, self._gates_of(entry))
            for output, parity in entry.parity.outputs.items()
        }

    def changes(self, artifact: Artifact) -> bool:
        """Whether the recipe of an artifact made it compute something else than the original."""
        return artifact.variant in self._changed and artifact.target != REFERENCE

    def _against_made(self, entry: Entry) -> Entry:
        """Hold an entry to the model that its recipe made: rounding and the runtime alone part the two."""
        if entry.made is None or entry.precision not in DEFAULTS:
            return entry
        gates = _tensor_gates(self._gates[entry.target])
        judged = judge(msgspec.structs.replace(entry, parity=entry.made, reasons=()), gates)
        if judged.verdict is not Verdict.FAIL:
            return entry
        reasons = (*entry.reasons, *(f"{_BESIDE_RECIPE}{reason}" for reason in judged.reasons))
        return msgspec.structs.replace(entry, verdict=Verdict.FAIL, reasons=reasons)

    def _gates_of(self, entry: Entry) -> Gates:
        return replace(self._gates[entry.target], has_defaults=not self._is_changed(entry))

    def _is_changed(self, entry: Entry) -> bool:
        return entry.artifact != REFERENCE and entry.variant in self._changed

    def _is_as_measured(self, entry: Entry) -> bool:
        """Whether the golden vectors are no data of the kind that what this artifact loses was judged on."""
        changed = self._is_changed(entry)
        if self._golden_is_data:
            return changed and not _tensor_gates(self._gates_of(entry)).bounds
        return changed or entry.precision in {each for each in Precision if each.lossy}


def _changes(item: PlannedArtifact, where: str) -> bool:
    return bool(item.recipe) and any(step.approximates for step in recipe_of(item, where).passes)


def widest(one: Sequence[Tolerance], other: Sequence[Tolerance]) -> tuple[Tolerance, ...]:
    """Give the bounds that hold for two devices: of each kind the wider, none of a kind that one was not held to."""
    bounds = {each.kind: each.bound for each in other}
    return tuple(
        Tolerance(kind=each.kind, bound=_WIDER[each.kind](each.bound, bounds[each.kind]))
        for each in one
        if each.kind in bounds
    )


_WIDER: Mapping[ToleranceKind, Callable[[float, float], float]] = {
    ToleranceKind.MAX_ABS: max,
    ToleranceKind.MAX_ABS_SCALED: max,
    ToleranceKind.PSNR_DB: min,
    ToleranceKind.EQUAL_FRACTION: min,
    ToleranceKind.SNR_DB: min,
    ToleranceKind.COSINE: min,
}
"""A kind of tolerance → which of two bounds lets more through."""


def _tensor_gates(gates: Gates) -> Gates:
    bounds = {name: bound for name, bound in gates.bounds.items() if name in TENSOR_GATES}
    return Gates(bounds=bounds, has_defaults=gates.has_defaults)


def _as_measured(parity: TensorParity) -> tuple[Tolerance, ...]:
    if not parity.dtype.startswith(("float", "bfloat")):
        share = max(0.0, parity.equal_fraction - COSINE_MARGIN)
        return (Tolerance(kind=ToleranceKind.EQUAL_FRACTION, bound=share),)
    found = []
    if parity.max_abs is not None:
        scaled = parity.max_abs / max(1.0, parity.reference_max_abs)
        found.append(Tolerance(kind=ToleranceKind.MAX_ABS_SCALED, bound=MAX_ABS_FACTOR * scaled))
    if parity.cosine is not None:
        found.append(Tolerance(kind=ToleranceKind.COSINE, bound=max(-1.0, parity.cosine - COSINE_MARGIN)))
    return tuple(found)


def _tolerances(precision: str, dtype: str, gates: Gates) -> tuple[Tolerance, ...]:
    default = defaults_for(precision, gates)
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
