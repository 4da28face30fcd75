"""The ladder: which artifact to run on a family of devices, and which one after it, made from what was measured.

Order is decided within one tier of evidence only. An artifact that was not run, or did not pass, is no rung, nor is
one of which the device makes something else to run. One whose code was not tuned stands behind all others, and is no
rung where it is slower than the reference. The reference (the original model) is always the last one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from ..devices.base import Facts
from ..profiles.report import Entry, Verdict
from ..vocabulary.codec import encode_json
from ..vocabulary.evidence import Evidence
from ..vocabulary.label import Label
from ..vocabulary.versioned import check_schema_version, decode_versioned

SCHEMA_VERSION = "1.0"

REFERENCE = "reference"
"""The name of the artifact that is the original model; the last rung of every ladder."""

WEB = "web"
"""The `os` of browsers and of Node's engines: a family of its own, whatever machine is below."""

REFERENCE_RUNTIMES: Mapping[str, str] = {WEB: "onnxruntime-web/wasm"}
"""What runs the reference on an `os`. On the web it is the backend that every browser has."""

REFERENCE_RUNTIME = "onnxruntime"
"""What runs it everywhere else."""

TIERS = (Evidence.MEASURED_DEVICE, Evidence.MEASURED_HOST, Evidence.EMULATED, Evidence.ESTIMATED, Evidence.NOT_RUN)
"""Tiers of evidence, the most trustworthy first."""


class Rung(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to answer: an artifact on a runtime with a number of threads.

    `runtime` is what ran it when it was measured: `ai-edge-litert`; on the web an engine with its backend, `tfjs/wasm`.
    `latency_ms` is the p50 of one call for one row, the worst of the family's devices; None when it was not measured.
    """

    artifact: str
    runtime: str
    threads: int
    latency_ms: float | None
    size_bytes: int

    @property
    def key(self) -> str:
        """`tflite-fp16@ai-edge-litert×2`: what a caller's record remembers a rung by."""
        return f"{self.artifact}@{self.runtime}×{self.threads}"


class Ladder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rungs of a family of devices, the best first, the reference last, ordered by evidence of one tier.

    `evidence` is `not-run` when the reference stands alone because nothing passed.
    """

    kind: str
    os: str
    arch: str
    evidence: Evidence
    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        names = [rung.artifact for rung in self.rungs]
        if not names or names[-1] != REFERENCE or REFERENCE in names[:-1]:
            raise ValueError(f"a ladder ends with the reference, once; got {names}")
        keys = [rung.key for rung in self.rungs]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a rung stands twice on the ladder: {keys}")
        if self.evidence is Evidence.NOT_RUN and len(keys) > 1:
            raise ValueError("rungs of evidence `not-run`")

    @property
    def family(self) -> str:
        """`local linux x86_64`."""
        return f"{self.kind} {self.os} {self.arch}"


class Ladders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `ladder.json` holds: a ladder for each family of devices and tier of evidence.

    `critical` names fields that a reader must know, as in the manifest.
    """

    schema_version: str = SCHEMA_VERSION
    ladders: tuple[Ladder, ...]
    critical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_schema_version(self.schema_version)
        which = [(ladder.family, ladder.evidence) for ladder in self.ladders]
        if len(set(which)) != len(which):
            raise ValueError(f"two ladders for one family and tier: {which}")

    def encode(self) -> bytes:
        """Give the JSON of `ladder.json`; equal ladders, equal bytes."""
        return encode_json(self)

    @classmethod
    def decode(cls, data: bytes, where: str = "ladder.json") -> Ladders:
        """Read the JSON of ladders; `where` names the file in errors.

        Raises:
            ConfigError: when they are no ladders that can be read here.
        """
        return decode_versioned(data, cls, SCHEMA_VERSION, where)


def make_ladders(entries: Iterable[Entry], facts: Mapping[str, Facts], reference_size_bytes: int) -> tuple[Ladder, ...]:
    """Make a ladder for each family of devices and each tier of evidence that has a passing entry on it.

    `facts` maps the device names of the entries to what the devices are; an entry of another device is left out. A
    rung is an artifact × runtime × threads. Where a family has several devices the rung must pass on all that ran it,
    and the slowest counts. Rungs are ordered by latency, then size, then name; those without a latency come behind, and
    behind those what was not tuned, if it was measured faster than the reference.
    A family on which nothing passed gets the reference alone.
    """
    ran: dict[tuple[str, str, str], dict[Evidence, dict[tuple[str, str, int], list[Entry]]]] = {}
    for device in facts.values():
        ran.setdefault((device.kind, device.os, device.arch), {})
    for entry in entries:
        if entry.device in facts and entry.evidence is not Evidence.NOT_RUN and entry.verdict is not Verdict.NOT_RUN:
            device = facts[entry.device]
            tiers = ran[(device.kind, device.os, device.arch)]
            rungs = tiers.setdefault(entry.evidence, defaultdict(list))
            rungs[(entry.artifact, entry.runtime, entry.threads)].append(entry)
    ladders = []
    for (kind, os, arch), tiers in sorted(ran.items()):
        made = {tier: _order(tiers[tier].values(), os, reference_size_bytes) for tier in TIERS if tier in tiers}
        made = {tier: rungs for tier, rungs in made.items() if len(rungs) > 1}
        if not made:
            made = {Evidence.NOT_RUN: (_reference((), os, reference_size_bytes),)}
        ladders += [Ladder(kind=kind, os=os, arch=arch, evidence=tier, rungs=rungs) for tier, rungs in made.items()]
    return tuple(ladders)


def last_resort(os: str, size_bytes: int) -> Ladder:
    """Give the ladder of a family that was never measured: the reference alone, as it runs on `os`."""
    return Ladder(kind="any", os=os, arch="any", evidence=Evidence.NOT_RUN, rungs=(_reference((), os, size_bytes),))


def _order(groups: Iterable[list[Entry]], os: str, reference_size_bytes: int) -> tuple[Rung, ...]:
    groups = list(groups)
    reference = _reference([group for group in groups if group[0].artifact == REFERENCE], os, reference_size_bytes)
    passing = [
        group
        for group in groups
        if group[0].artifact != REFERENCE and all(entry.verdict is Verdict.PASS for entry in group)
    ]
    tuned = [_rung(group) for group in passing if not group[0].labels]
    untuned = [_rung(group) for group in passing if group[0].labels == (Label.UNTUNED,)]
    worth = [rung for rung in untuned if _is_faster(rung, reference)]
    return (*sorted(tuned, key=_rank), *sorted(worth, key=_rank), reference)


def _rung(group: list[Entry]) -> Rung:
    return Rung(
        artifact=group[0].artifact,
        runtime=group[0].runtime,
        threads=group[0].threads,
        latency_ms=_worst_latency_ms(group),
        size_bytes=group[0].size_bytes,
    )


def _is_faster(rung: Rung, reference: Rung) -> bool:
    """Whether both were measured, and the rung is the faster one."""
    return rung.latency_ms is not None and reference.latency_ms is not None and rung.latency_ms < reference.latency_ms


def _rank(rung: Rung) -> tuple[bool, float, int, str]:
    return rung.latency_ms is None, rung.latency_ms or 0.0, rung.size_bytes, rung.key


def _reference(groups: Iterable[list[Entry]], os: str, size_bytes: int) -> Rung:
    """Give the last rung: as it was measured fastest by the runtime that `os` has, or unmeasured on one thread."""
    runtime = REFERENCE_RUNTIMES.get(os, REFERENCE_RUNTIME)
    measured = sorted(
        (latency, group[0].threads)
        for group in groups
        if group[0].runtime == runtime and (latency := _worst_latency_ms(group)) is not None
    )
    latency_ms, threads = measured[0] if measured else (None, 1)
    return Rung(artifact=REFERENCE, runtime=runtime, threads=threads, latency_ms=latency_ms, size_bytes=size_bytes)


def _worst_latency_ms(group: list[Entry]) -> float | None:
    """Give the slowest p50 for one row; None when any device has not measured it, for then the slowest is not known."""
    latencies = [entry.profile.latency_ms.p50 / entry.batch for entry in group if entry.profile is not None]
    return max(latencies) if len(latencies) == len(group) else None
