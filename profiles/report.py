"""`report.json`: what is known of every artifact on every runtime and device, each figure with its evidence.

Schema version `MAJOR.MINOR`. A reader refuses another major version, and unknown fields of its own minor version. Of a
newer minor version it ignores the fields that it does not know, unless `critical` names them or what they stand in.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from ..devices.base import Facts
from ..targets.artifact import Coverage, File
from ..vocabulary.codec import convert, encode_json, has_field, keep_known, parse_json
from ..vocabulary.errors import ConfigError
from ..vocabulary.evidence import Evidence
from ..vocabulary.label import Label
from ..vocabulary.note import Note
from ..vocabulary.training import TrainingRecord
from .forecast import Forecast
from .measured_search import MeasuredSearch
from .mixed_precision import MixedPrecisionSearch

SCHEMA_VERSION = "1.0"


class Verdict(StrEnum):
    """What the gates say of an entry. Nothing that was not run is ever `pass`."""

    PASS = "pass"
    FAIL = "fail"
    NOT_RUN = "not-run"


class TensorParity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one output is from the original's, over all rows.

    `nonfinite` counts the elements that are NaN or infinite in one and something else in the other; where there are
    any, there is no `max_abs`, `cosine`, `psnr_db` or `snr_db`. `psnr_db` takes the largest magnitude of the reference
    as its peak; it and `snr_db` are None when the two are equal (they would be infinite), as `cosine` is None when one
    of the two is all zeros. `equal_fraction` is the share of elements that are equal; NaN equals NaN.
    `reference_max_abs` is over the finite elements; `dtype` is the reference's. `worst_row`, counted
    from 0, is the row of the largest difference, or of the first element that `nonfinite` counts; None when all are
    equal.
    """

    max_abs: float | None
    cosine: float | None
    psnr_db: float | None
    snr_db: float | None
    equal_fraction: float
    reference_max_abs: float
    dtype: str
    nonfinite: int = 0
    worst_row: int | None = None


class MetricResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task metric of an artifact and of the original on the same rows.

    `drop_pp` is how much worse the artifact is, in percentage points for shares (top-1), in percent of the reference
    for other metrics, as `unit` says (`pp`, `%`); negative when it is better. `ci95` is the paired bootstrap interval
    of `drop_pp`.
    """

    name: str
    value: float
    reference: float
    drop_pp: float
    ci95: tuple[float, float]
    rows: int
    unit: str = "pp"


class Parity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an artifact is from the original: every output, over `rows` rows of `inputs` (`evaluation`, `drawn`).

    `metric` is None when no task metric was asked for.
    """

    outputs: dict[str, TensorParity]
    rows: int
    inputs: str
    metric: MetricResult | None = None


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
    reasons. `reasons` holds one sentence for each gate that failed, could not run, or is underpowered. `golden` is the
    parity on the golden vectors that are shipped. `notes` say what the steps of the recipe did to the model; `labels`
    and `training` are the artifact's. `made` is the parity with the model that the recipe made, before its precision
    was set; None where that computes what the original does.
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
    golden: Parity | None = None
    profile: Profile | None
    coverage: Coverage | None
    toolchain: dict[str, str]
    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    labels: tuple[Label, ...] = ()
    training: tuple[TrainingRecord, ...] = ()
    made: Parity | None = None

    @property
    def left_out(self) -> bool:
        """Whether there was nothing to run: the artifact stands, its device does not open it, and no gate minds."""
        return bool(self.files) and self.evidence is Evidence.NOT_RUN and self.verdict is Verdict.NOT_RUN

    @property
    def metric(self) -> MetricResult | None:
        """The task metric; None when it was not asked for, or nothing was run."""
        return self.parity.metric if self.parity is not None else None


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a build found out. When a figure was measured stands in its context; nothing else tells the time.

    `devices` says what each device of the entries is. `imported` is how far the hub model is from the trained model in
    its own framework; None when that framework did not run it (an ONNX model is its own original). `searches` holds a
    record for each artifact whose recipe asked which nodes must stay float, `measured` one for each whose recipe has a
    step that asks for latency. `forecasts` says what micro-benchmarks let expect of integers on each device, before
    anything was built.
    """

    schema_version: str = SCHEMA_VERSION
    name: str
    version: str
    devices: dict[str, Facts]
    entries: tuple[Entry, ...]
    imported: Parity | None = None
    searches: tuple[MixedPrecisionSearch, ...] = ()
    measured: tuple[MeasuredSearch, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    critical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if re.fullmatch(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})", self.schema_version) is None:
            raise ValueError(f"schema_version: expected MAJOR.MINOR, got {self.schema_version!r}")

    def encode(self) -> bytes:
        """Give the JSON of `report.json`; equal reports, equal bytes."""
        return encode_json(self)

    @classmethod
    def decode(cls, data: bytes, where: str = "report.json") -> Report:
        """Read the JSON of a report; `where` names the file in errors.

        Raises:
            ConfigError: when it is no report of a version that can be read here.
        """
        value = parse_json(data, where)
        version = value.get("schema_version") if isinstance(value, dict) else None
        major, _, minor = version.partition(".") if isinstance(version, str) else ("", "", "")
        own_major, _, own_minor = SCHEMA_VERSION.partition(".")
        if major != own_major or not minor.isdecimal():
            raise ConfigError(
                f"{where}: expected a report of schema version {own_major}.x, got {version!r}",
                hint="read it with the version of edgewright that wrote it",
            )
        named = value.get("critical", [])
        critical = [path for path in named if isinstance(path, str)] if isinstance(named, list) else []
        unknown = [path for path in critical if not has_field(cls, path)]
        if int(minor) > int(own_minor):
            value, ignored = keep_known(value, cls)
            unknown += [path for path in ignored if any(path.startswith(f"{name}.") for name in critical)]
        if unknown:
            raise ConfigError(
                f"{where}: its writer says that {unknown[0]} must be understood, and it is not known here",
                hint="read it with a newer version of edgewright",
            )
        return convert(value, cls, where)
