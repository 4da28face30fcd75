"""What the preview page is told of a bundle, from its manifest, its report and its ladders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from ...bundle.manifest import Tolerance
from ...bundle.verify import Verified
from ...devices.base import Facts
from ...devices.web.engines import engine_for
from ...fallback.rules import REFERENCE, Ladder
from ...fallback.select import find_ladder
from ...profiles.report import Entry, Verdict
from ...targets.artifact import Artifact, File
from ...vocabulary.evidence import Evidence
from ...vocabulary.signature import Signature
from .examples import Examples, TensorFacts, facts_of
from .kinds_of_input import InputKinds, kinds_of

NOT_IN_BROWSERS = {
    "coreml": "Core ML runs on Apple's systems, not in a browser",
}
"""A runtime → why no browser has it, where more can be said than that."""

BROWSER = Facts(kind="browser", arch="wasm32", os="web", cpu="", features=(), cores=1, ram_bytes=0, runtimes={})
"""The family whose ladder decides what the page begins with."""

SENDABLE = frozenset(
    {"bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)
"""The dtypes that a page has arrays for."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says of an artifact on one device. `max_abs` is that of the worst output; None: not compared."""

    device: str
    runtime: str
    threads: int
    evidence: Evidence
    verdict: Verdict
    p50_ms: float | None
    max_abs: float | None
    reasons: tuple[str, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact that may be chosen. `engine` runs it in a browser; without one `reason` says why it cannot be run."""

    name: str
    target: str
    variant: str
    precision: str
    size_bytes: int
    files: tuple[File, ...]
    runtime: str
    engine: str | None
    reason: str | None
    optimize: bool
    signature: Signature
    tolerances: Mapping[str, tuple[Tolerance, ...]]
    seen: tuple[Seen, ...]


class Set(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that may be picked: `calls` of them, each of `rows` rows, with these tensors.

    `largest` is the largest finite magnitude of each known output over all rows, which scales some tolerances.
    """

    calls: int
    rows: int
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...] | None
    largest: Mapping[str, float]
    labels: TensorFacts | None


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the page begins with, and why as a sentence. `runtime` is None where the ladder does not say one."""

    artifact: str
    runtime: str | None
    threads: int
    why: str


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page knows when it opens.

    `choices` that a browser cannot run stand last; `start` is None when it can run none.
    """

    name: str
    version: str
    signed_by: str
    signature: Signature
    kinds: Mapping[str, InputKinds]
    choices: tuple[Choice, ...]
    start: Start | None
    sets: Mapping[str, Set]


def catalog_of(verified: Verified, sets: Mapping[str, Examples]) -> Catalog:
    """Say of a verified bundle what the page shows; `sets` are the rows that may be picked, by name."""
    manifest = verified.manifest
    choices = tuple(
        _choice(artifact, manifest.golden.tolerances[artifact.name], verified.report.entries)
        for artifact in manifest.artifacts
    )
    return Catalog(
        name=manifest.name,
        version=manifest.version,
        signed_by=verified.key_id,
        signature=manifest.signature,
        kinds={spec.name: kinds_of(spec) for spec in manifest.signature.inputs},
        choices=tuple(sorted(choices, key=lambda choice: choice.engine is None)),
        start=_start(choices, find_ladder(verified.ladders, BROWSER)),
        sets={name: _set(manifest.signature, examples) for name, examples in sets.items()},
    )


def _choice(artifact: Artifact, tolerances: Mapping[str, tuple[Tolerance, ...]], entries: Iterable[Entry]) -> Choice:
    reason, engine = _reason(artifact), engine_for(artifact.requires.runtime)
    return Choice(
        name=artifact.name,
        target=artifact.target,
        variant=artifact.variant,
        precision=artifact.precision,
        size_bytes=artifact.size_bytes,
        files=artifact.files,
        runtime=artifact.requires.runtime,
        engine=engine.name if engine is not None and reason is None else None,
        reason=reason,
        optimize=artifact.name != REFERENCE,
        signature=artifact.signature,
        tolerances=tolerances,
        seen=tuple(_seen(entry) for entry in entries if entry.artifact == artifact.name),
    )


def _reason(artifact: Artifact) -> str | None:
    runtime = artifact.requires.runtime
    if engine_for(runtime) is None:
        return NOT_IN_BROWSERS.get(runtime, f"it needs {runtime}, which no browser has")
    for spec in (*artifact.signature.inputs, *artifact.signature.outputs):
        if spec.dtype not in SENDABLE:
            return f"a page has no numbers of {spec.dtype}, which {spec.name!r} takes"
    return None


def _seen(entry: Entry) -> Seen:
    compared = [output.max_abs for output in entry.parity.outputs.values()] if entry.parity is not None else []
    known = [value for value in compared if value is not None]
    return Seen(
        device=entry.device,
        runtime=entry.runtime,
        threads=entry.threads,
        evidence=entry.evidence,
        verdict=entry.verdict,
        p50_ms=entry.profile.latency_ms.p50 if entry.profile is not None else None,
        max_abs=max(known) if known and len(known) == len(compared) else None,
        reasons=entry.reasons,
    )


def _start(choices: tuple[Choice, ...], ladder: Ladder | None) -> Start | None:
    """Choose the first rung of the browsers' ladder; without one, the smallest that passed its gates somewhere."""
    runnable = {choice.name: choice for choice in choices if choice.engine is not None}
    for rung in ladder.rungs if ladder is not None else ():
        if rung.artifact in runnable and rung.artifact != REFERENCE:
            why = "the first rung of this bundle's ladder for browsers"
            return Start(artifact=rung.artifact, runtime=rung.runtime, threads=rung.threads, why=why)
    passed = [
        choice
        for choice in runnable.values()
        if choice.name != REFERENCE and any(seen.verdict is Verdict.PASS for seen in choice.seen)
    ]
    if passed:
        smallest = min(passed, key=lambda choice: (choice.size_bytes, choice.name))
        why = "no browser was measured for this bundle; it is the smallest that passed its gates"
        return Start(artifact=smallest.name, runtime=None, threads=1, why=why)
    if REFERENCE in runnable:
        why = "the original itself: no artifact that a browser can run has passed its gates"
        return Start(artifact=REFERENCE, runtime=None, threads=1, why=why)
    return None


def _set(signature: Signature, examples: Examples) -> Set:
    outputs = examples.outputs
    return Set(
        calls=examples.calls,
        rows=examples.batching.rows_per_call,
        inputs=tuple(facts_of(spec.name, examples.input(0, spec.name)) for spec in signature.inputs),
        outputs=None
        if outputs is None
        else tuple(facts_of(spec.name, examples.output(0, spec.name)) for spec in signature.outputs),
        largest={} if outputs is None else {name: _largest(array) for name, array in outputs.items()},
        labels=None if examples.labels is None else facts_of("label", examples.label(0)),
    )


def _largest(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> float:
    values = np.asarray(array, np.float64)
    return float(np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max(initial=0.0))
