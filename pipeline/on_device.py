"""What is found out about one artifact on one device: first whether it is right, then how fast it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from ..devices.base import Benchmark, Device, Facts, Infer, Job, JobResult
from ..devices.local import Local
from ..profiles.report import Parity
from ..targets.runtime import Runtime, is_emulated
from ..vocabulary.batching import Batching, batching_for
from ..vocabulary.tables import load_object
from ..vocabulary.tensor_folder import TensorFolder
from .cache import key_of
from .imported import Imported
from .relayout import convert_rows
from .runner import Runner
from .steps.base import own_code
from .steps.evaluate import Evaluate, read_parity
from .subject import Subject

JOB_RESULT: Final = msgspec.json.Decoder(JobResult)
"""Made on import: what msgspec finds out of a type when it first meets it is no work for two threads at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A device and what it said of itself."""

    device: Device
    facts: Facts


def is_emulated_at(kind: str, runtime: str) -> bool:
    """Whether a runtime, as `module:attribute`, is emulated on a kind of device, so that nothing is measured there.

    The machine that builds can be asked; what another device does, a job's result says.
    """
    if kind != Local.kind:
        return False
    return is_emulated(cast("type[Runtime]", load_object(runtime))())


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """How far an artifact is from the original, as run on a device: on the data, and on the golden vectors.

    `made` is how far it is, on the data, from the model that its recipe made, where that computes something else.
    """

    parity: Parity
    golden: Parity
    job: JobResult
    made: Parity | None = None


def prove(
    subject: Subject, place: Place, judged: Evaluate, imported: Imported, runner: Runner, *, against: str = ""
) -> Proof:
    """Run an artifact over all rows on a device and compare every output with the original's.

    `judged` says what it is compared with (its `outputs` and `golden` are filled in here); `against` digests that where
    it is not the original.

    Raises:
        DeviceError: when the device failed, or the runtime refused the artifact.
        EdgewrightError: when the outputs cannot be compared.
    """

    def make(out: Path) -> None:
        for rows, given in (("golden", imported.golden_inputs), ("data", imported.inputs)):
            inputs = convert_rows(given, judged.signature.inputs, judged.called.inputs, out / f"{rows}-in")
            batching = _batching(subject, inputs)
            result = place.device.run(
                Job(
                    task=Infer(inputs=inputs.path, rows_per_call=batching.rows_per_call, batched=batching.batched),
                    runtime=subject.runtime,
                    artifact=subject.opened,
                    threads=place.device.threads,
                    output=out / rows,
                )
            )
        (out / "job.json").write_bytes(msgspec.json.encode(result))
        runner.child(msgspec.structs.replace(judged, outputs=str(out / "data"), golden=str(out / "golden")), out)
        for folder in [path for path in out.iterdir() if path.is_dir()]:
            shutil.rmtree(folder)

    known = {**key_parts(subject, place), **judged.key_parts(), "data": imported.digest}
    key = key_of("prove", {**known, **({"against": against} if against else {})})
    title = f"run {subject.artifact.name} on {place.device.name}{' beside its recipe' if against else ''}"
    if judged.calls_user_code:
        entry = runner.traced(title, key, Path(judged.folder), make, files_read=judged.files_read)
    else:
        entry = runner.keyed(title, key, make)
    parity, golden = read_parity(entry)
    return Proof(parity=parity, golden=golden, job=_read_job(entry))


def measure(subject: Subject, place: Place, imported: Imported, runner: Runner) -> JobResult:
    """Benchmark an artifact on a device, one row a call where the artifact leaves that open.

    Raises:
        DeviceError: when the device failed, or the runtime refused the artifact.
    """

    def make(out: Path) -> None:
        result = benchmark(subject, place, imported, task, out)
        (out / "job.json").write_bytes(msgspec.json.encode(result))
        for folder in [path for path in out.iterdir() if path.is_dir()]:
            shutil.rmtree(folder)

    task = benchmark_of(subject, imported)
    protocol: dict[str, Any] = {name: getattr(task, name) for name in task.__struct_fields__ if name != "inputs"}
    key = key_of("measure", {**key_parts(subject, place), "protocol": protocol, "data": imported.digest})
    return _read_job(runner.keyed(f"measure {subject.artifact.name} on {place.device.name}", key, make))


def benchmark_of(subject: Subject, imported: Imported) -> Benchmark:
    """Give the benchmark of an artifact by the usual protocol; its inputs are still to be written."""
    batching = _batching(subject, imported.inputs)
    return Benchmark(inputs=Path(), rows_per_call=batching.rows_per_call, batched=batching.batched)


def benchmark(subject: Subject, place: Place, imported: Imported, task: Benchmark, out: Path) -> JobResult:
    """Run a benchmark on the first rows of the data; folders below `out` hold what the device is given.

    Raises:
        DeviceError: when the device failed, or the runtime refused the artifact.
    """
    few = TensorFolder.write(out / "rows", imported.inputs.rows(0, task.rows_per_call))
    inputs = convert_rows(few, imported.signature.inputs, subject.artifact.signature.inputs, out / "converted")
    return place.device.run(
        Job(
            task=msgspec.structs.replace(task, inputs=inputs.path),
            runtime=subject.runtime,
            artifact=subject.opened,
            threads=place.device.threads,
            output=out / "samples",
        )
    )


def calls_of(subject: Subject, imported: Imported) -> int:
    """How many rows one measured call takes."""
    return _batching(subject, imported.inputs).rows_per_call


def _batching(subject: Subject, inputs: TensorFolder) -> Batching:
    shapes = {name: inputs[name].shape for name in inputs}
    return batching_for(subject.artifact.signature, shapes)


def key_parts(subject: Subject, place: Place) -> dict[str, Any]:
    """Give what a result depends on: the artifact, what runs it, and where."""
    return {
        "artifact": subject.digest,
        "runtime": subject.runtime,
        "device": msgspec.to_builtins(place.facts),
        "device_name": place.device.name,
        "threads": place.device.threads,
        "code": own_code(),
    }


def _read_job(entry: Path) -> JobResult:
    return JOB_RESULT.decode((entry / "job.json").read_bytes())
