"""`report.json`: what is known of every artifact on every runtime and device, each figure with its evidence."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ..targets.artifact import Coverage, File
from ..vocabulary.evidence import Evidence


class Verdict(StrEnum):
    """What the gates say of an entry. Nothing that was not run is ever `pass`."""

    PASS = "pass"
    FAIL = "fail"
    NOT_RUN = "not-run"


class TensorParity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one output is from the original's, over all rows.

    `psnr_db` takes the peak of the reference; None when the two are equal (it would be infinite) or undefined, as
    `cosine` is None when one of the two is all zeros. `equal_fraction` is the share of elements that are equal.
    """

    max_abs: float
    cosine: float | None
    psnr_db: float | None
    snr_db: float | None
    equal_fraction: float
    reference_max_abs: float
    dtype: str


class Parity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an artifact is from the original: every output, over `rows` rows of `inputs` (`evaluation`, `drawn`)."""

    outputs: dict[str, TensorParity]
    rows: int
    inputs: str


class MetricResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task metric of an artifact and of the original on the same rows.

    `drop_pp` is how much worse the artifact is, in percentage points for shares (top-1), in percent of the reference
    for other metrics; negative when it is better. `ci95` is the paired bootstrap interval of `drop_pp`.
    """

    name: str
    value: float
    reference: float
    drop_pp: float
    ci95: tuple[float, float]
    rows: int


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Percentiles of one call's latency in milliseconds over `n` calls."""

    p50: float
    p90: float
    p99: float
    n: int


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured of an artifact on a device."""

    load_ms: float
    first_ms: float
    latency_ms: Latency
    peak_memory_bytes: int
    context: dict[str, str | int | float | None]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One artifact × runtime × device.

    An entry that never came to an artifact (refused, or its tool failed) has no files, evidence `not-run` and its
    reasons. `reasons` holds one sentence for each gate that failed, could not run, or is underpowered.
    """

    artifact: str
    runtime: str
    runtime_version: str | None
    device: str
    threads: int
    batch: int
    target: str
    variant: str
    precision: str
    files: tuple[File, ...]
    size_bytes: int
    evidence: Evidence
    parity: Parity | None
    metric: MetricResult | None
    profile: Profile | None
    coverage: Coverage | None
    toolchain: dict[str, str]
    verdict: Verdict
    reasons: tuple[str, ...]
