"""Entries of the report, before the gates have judged them."""

from __future__ import annotations

import msgspec

from ..devices.base import JobResult, Samples
from ..devices.web.engines import ENGINES
from ..fallback.rules import WEB
from ..profiles.report import Entry, Profile, Verdict
from ..vocabulary.evidence import Evidence
from .on_device import Place, Proof
from .plan import PlannedArtifact
from .subject import Subject


def entry_of(
    subject: Subject, place: Place, proof: Proof, run: JobResult, profile: Profile | None, batch: int
) -> Entry:
    """Say what was found out about an artifact on a device; the verdict is still to come.

    `run` is the job that the figures come from; without a profile, nothing was measured of what ran.
    """
    return msgspec.structs.replace(
        _entry(subject, place),
        runtime=run.runtime,
        runtime_version=run.runtime_version,
        batch=batch,
        evidence=run.evidence,
        parity=proof.parity,
        golden=proof.golden,
        made=proof.made,
        profile=profile,
    )


def entry_without_run(subject: Subject, place: Place, reason: str) -> Entry:
    """Say that an artifact stands, and why it was not run on a device."""
    return msgspec.structs.replace(_entry(subject, place), reasons=(reason,))


def entry_not_opened(subject: Subject, place: Place, reason: str) -> Entry:
    """Say that a device does not open an artifact. That is nobody's failure, and no gate has anything to say of it."""
    runtime = subject.artifact.requires.runtime
    return msgspec.structs.replace(_entry(subject, place), runtime=runtime, runtime_version=None, reasons=(reason,))


def _entry(subject: Subject, place: Place) -> Entry:
    """Say what is known of an artifact before it has run on a device."""
    artifact, runtime = subject.artifact, _runtime_at(subject, place)
    return Entry(
        artifact=artifact.name,
        runtime=runtime,
        runtime_version=place.facts.runtimes.get(runtime),
        device=place.device.name,
        threads=place.device.threads,
        batch=0,
        target=artifact.target,
        variant=artifact.variant,
        precision=artifact.precision,
        files=artifact.files,
        size_bytes=artifact.size_bytes,
        evidence=Evidence.NOT_RUN,
        parity=None,
        profile=None,
        coverage=artifact.coverage,
        toolchain=artifact.toolchain,
        notes=artifact.notes,
        labels=artifact.labels,
        training=artifact.training,
        verdict=Verdict.NOT_RUN,
        reasons=(),
    )


def _runtime_at(subject: Subject, place: Place) -> str:
    """Give what would run an artifact at a place: on the web the engine with the device's backend."""
    engine = ENGINES.get(subject.runtime)
    if engine is not None and place.facts.os == WEB:
        found = [name for name in place.facts.runtimes if name.partition("/")[0] == engine.name]
        return found[0] if found else engine.name
    return subject.artifact.requires.runtime


def entry_without_artifact(planned: PlannedArtifact, place: Place, reason: str) -> Entry:
    """Say why there is no artifact to run on a device."""
    return Entry(
        artifact=planned.name,
        runtime="",
        runtime_version=None,
        device=place.device.name,
        threads=place.device.threads,
        batch=0,
        target=planned.target.name,
        variant=planned.options.variant,
        precision="",
        files=(),
        size_bytes=0,
        evidence=Evidence.NOT_RUN,
        parity=None,
        profile=None,
        coverage=None,
        toolchain={},
        verdict=Verdict.NOT_RUN,
        reasons=(reason,),
    )


def samples_of(result: JobResult) -> Samples:
    """The samples of a benchmark's result."""
    assert result.samples is not None, "a benchmark gives samples"
    return result.samples
