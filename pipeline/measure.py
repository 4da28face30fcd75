"""Measures one artifact file, on this machine or in a browser or Node on it, on inputs drawn from what it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..devices.base import Benchmark, Job
from ..devices.table import make_device
from ..profiles.latency import profile as profile_of
from ..profiles.report import Profile
from ..vocabulary.batching import Batching, batching_for
from ..vocabulary.errors import RequestError
from ..vocabulary.evidence import Evidence
from ..vocabulary.tensor_folder import TensorFolder
from .child import run_step
from .on_device import is_emulated_at
from .places import WITHOUT_SETTINGS, names_without_settings
from .progress import Progress
from .steps.draw_for_artifact import MODEL, DrawForArtifact, files_of, read_signature
from .told import told

RUNTIMES: Mapping[str, str] = {
    ".onnx": "edgewright.targets.onnxruntime.runtime:OnnxRuntime",
    ".ort": "edgewright.targets.onnxruntime.runtime:OnnxRuntime",
    ".tflite": "edgewright.targets.tflite.runtime:LiteRT",
    ".mlpackage": "edgewright.targets.coreml.runtime:CoreML",
    ".json": "edgewright.targets.tfjs.runtime:TFJS",
    ".so": "edgewright.targets.tvm.runtime:TVM",
    ".pte": "edgewright.targets.executorch.runtime:ExecuTorch",
    ".ptl": "edgewright.targets.executorch.runtime:LiteInterpreter",
}
"""Suffix of an artifact's file or folder → the runtime class that opens it."""

FOLDERS = (".mlpackage",)
"""Suffixes of artifacts that are folders."""

HERE: Mapping[str, Any] = {"kind": "local"}
"""The device that is meant when none is said."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured of an artifact; `inputs` are what one call was given, `image float32[1, 1, 8, 8]`."""

    artifact: str
    runtime: str
    runtime_version: str
    device: str
    threads: int
    size_bytes: int
    inputs: tuple[str, ...]
    evidence: Evidence
    profile: Profile


def profile(
    artifact: Path,
    *,
    threads: int,
    min_runs: int,
    min_seconds: float,
    progress: Progress,
    on: Mapping[str, Any] = HERE,
) -> Measurement:
    """Measure until at least `min_runs` runs and at least `min_seconds` have passed, after a warm-up of its own.

    `on` describes the device as the project file does, `{"kind": "browser", "backend": "webgl"}`. A folder with a
    `model.json` stands for it. A symbolic dimension counts as 1.

    Raises:
        RequestError: when there is no such file, it is of no known kind, is no artifact, its runtime is missing, or
            the device does not open it.
        DeviceError: when the device is not there, or the runtime crashed or hung.
    """
    if (artifact / MODEL).is_file():
        artifact /= MODEL
    runtime = RUNTIMES.get(artifact.suffix)
    if runtime is None:
        raise RequestError(f"{artifact}: no runtime opens this kind of file", hint=f"known: {', '.join(RUNTIMES)}")
    if not (artifact.is_dir() if artifact.suffix in FOLDERS else artifact.is_file()):
        raise RequestError(f"{artifact}: there is no such file")
    artifact = artifact.absolute()
    name = "here" if on["kind"] == HERE["kind"] else str(on["kind"])
    device = make_device(name, {**on, "threads": threads}, "profile")
    reason = device.cannot_open(runtime)
    if reason is not None:
        kinds = [str(WITHOUT_SETTINGS[each]["kind"]) for each in names_without_settings(runtime)]
        raise RequestError(
            f"{artifact}: {reason}", hint=f"say {' or '.join(f'--on {kind}' for kind in kinds)}" if kinds else None
        )
    if is_emulated_at(device.kind, runtime):
        raise RequestError(
            f"{artifact}: {artifact.suffix} is emulated on this machine, and how fast an emulation is says nothing",
            hint="measure it where its own runtime is: a .mlpackage on a Mac, with `pip install 'edgewright[coreml]'`",
        )
    with tempfile.TemporaryDirectory(prefix="edgewright-") as scratch:
        drawn = Path(scratch, "drawn")
        drawn.mkdir()
        step = DrawForArtifact(artifact=str(artifact))
        with told(step.title, progress):
            run_step(step, drawn)
        inputs = TensorFolder(drawn / "inputs")
        shapes = {name: inputs[name].shape for name in inputs}
        batching = batching_for(read_signature(drawn), shapes)
        task = Benchmark(
            inputs=inputs.path,
            rows_per_call=batching.rows_per_call,
            batched=batching.batched,
            min_runs=min_runs,
            min_seconds=min_seconds,
        )
        output = Path(scratch, "samples")
        with told(f"measure {artifact.name}", progress):
            result = device.run(Job(task=task, runtime=runtime, artifact=artifact, threads=threads, output=output))
        given = tuple(
            f"{name} {inputs[name].dtype}[{', '.join(map(str, _call_shape(shape, batching)))}]"
            for name, shape in shapes.items()
        )
    assert result.samples is not None, "a benchmark gives samples"
    return Measurement(
        artifact=str(artifact),
        runtime=result.runtime,
        runtime_version=result.runtime_version,
        device=device.name,
        threads=threads,
        size_bytes=sum(path.stat().st_size for path in files_of(artifact)),
        inputs=given,
        evidence=result.evidence,
        profile=profile_of(result.samples),
    )


def _call_shape(shape: tuple[int, ...], batching: Batching) -> tuple[int, ...]:
    return (batching.rows_per_call, *shape[1:]) if batching.batched else shape[1:]
