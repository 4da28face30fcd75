"""The contract of a device: it says what it is, and runs jobs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import msgspec

from ..vocabulary.evidence import Evidence


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device is. What may change between two runs (load, frequency) is in a benchmark's context, not here."""

    kind: str
    arch: str
    os: str
    cpu: str
    features: tuple[str, ...]
    cores: int
    ram_bytes: int
    runtimes: dict[str, str]
    """Runtime name → version, for each that is installed on the device."""


class Infer(msgspec.Struct, frozen=True, kw_only=True, tag="infer", forbid_unknown_fields=True):
    """Run an artifact over all rows of the inputs and keep every output."""

    inputs: Path
    """A `TensorFolder` of the inputs; the first axis of every array counts the rows."""
    rows_per_call: int
    """How many rows go into one call. The last call is filled up with its last row, and the surplus dropped."""
    batched: bool
    """Whether a row has lost its leading batch axis: True hands `rows[n:n+k]` to a call, False `rows[n]` itself."""


class Benchmark(msgspec.Struct, frozen=True, kw_only=True, tag="benchmark", forbid_unknown_fields=True):
    """Measure an artifact on the first `rows_per_call` rows of the inputs, in a process of its own.

    Runs until at least `min_runs` runs *and* at least `min_seconds` have passed, after a warm-up of its own.
    """

    inputs: Path
    rows_per_call: int
    batched: bool
    min_runs: int = 50
    min_seconds: float = 1.0
    warmup_runs: int = 5
    warmup_seconds: float = 0.2


class Inspect(msgspec.Struct, frozen=True, kw_only=True, tag="inspect", forbid_unknown_fields=True):
    """Run an artifact over all rows of the inputs and keep tensors from its inside.

    The output is a `TensorFolder` whose first axis counts the calls, not the rows: an inner tensor need not have any.
    """

    inputs: Path
    rows_per_call: int
    batched: bool
    tensors: tuple[str, ...]
    """Their keys in the artifact (`targets.base.InnerTensor`)."""


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device is asked to do with one artifact."""

    task: Infer | Benchmark | Inspect
    runtime: str
    """The runtime class, `edgewright.targets.tflite.runtime:LiteRT`."""
    artifact: Path
    threads: int
    output: Path
    """A folder that does not exist yet; the device makes it (outputs of `Infer` as a `TensorFolder`)."""
    timeout_s: float = 600.0
    memory_limit_bytes: int | None = None


class Samples(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Raw measurements of one benchmark.

    `peak_memory_bytes` is the peak resident memory of the process from loading to the last run, less what the process
    held when the runtime was imported and nothing was loaded.
    """

    load_ms: float
    first_ms: float
    latency_ms: tuple[float, ...]
    peak_memory_bytes: int
    context: dict[str, str | int | float | None]


class JobResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of a job: samples for `Benchmark`, the folder `Job.output` for `Infer` and `Inspect`."""

    runtime: str
    runtime_version: str
    evidence: Evidence
    samples: Samples | None
    log: str


class Device(Protocol):
    """Something that runs artifacts. Constructed from its table in the project file."""

    name: str
    kind: str
    threads: int
    """How many threads a runtime may use on it."""
    cancel: threading.Event
    """Set it, from another thread, to end the device's jobs."""

    def facts(self) -> Facts:
        """Ask the device what it is.

        Raises:
            DeviceError: when it cannot be reached.
        """
        ...

    def cannot_open(self, runtime: str) -> str | None:
        """Say why the device opens no artifacts of a runtime class (`Job.runtime`), or None when it does.

        The reason is a sentence without a full stop. It is known without asking the device: nothing is started for it.
        """
        ...

    def run(self, job: Job) -> JobResult:
        """Run one job.

        Raises:
            DeviceError: when the job crashed, hung (`Job.timeout_s`) or ran out of memory, the device cannot open
                artifacts of the runtime, or the runtime shows no inner tensors (`Inspect`); the log is in the message.
        """
        ...
