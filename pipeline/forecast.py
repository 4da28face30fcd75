"""Foretells whether integers will be faster than floats on a device, by the kernels that a model is made of."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ..devices.base import Benchmark, Job, JobResult
from ..devices.cpu import INT8_PRODUCTS
from ..fallback.rules import WEB
from ..profiles.forecast import Forecast, KernelTime, line_of, ratio_of
from ..profiles.latency import latency
from ..targets.artifact import Artifact
from ..targets.base import Target
from ..vocabulary.errors import EdgewrightError, RequestError
from ..vocabulary.precision import Precision
from .cache import key_of
from .entries import samples_of
from .imported import Imported
from .on_device import JOB_RESULT, Place, is_emulated_at
from .plan import PlannedArtifact
from .runner import Runner
from .steps.compile_kernels import CompiledKernel, CompileKernels, read_compiled_kernels
from .steps.list_kernels import Kernels, ListKernels, read_kernels
from .steps.prepared import FileRef

COMPUTING = (Precision.STATIC_WI8_AI8, Precision.STATIC_WI8_AI16, Precision.DYNAMIC_WI8_AFP32)
"""Precisions in which kernels multiply integers; the others only store them."""

MIN_RUNS = 20
MIN_SECONDS = 0.15
WARMUP_SECONDS = 0.05
"""How long each is measured. The ratio of two kernels is asked for, and not its third digit."""


def foretell(target: Target, precision: Precision, kernels: Kernels, place: Place, runner: Runner) -> Forecast | None:
    """Measure each kernel in float32 and in integers, in the target's own runtime on the device.

    Every measurement is kept by the kernel, the runtime's version and what the device is. Gives None when the target
    can say none of them in integers.

    Raises:
        DeviceError: when the device failed.
        RequestError: when the device does not open the target's artifacts, or emulates their runtime.
    """
    runtime = next(iter(target.formats.values()))
    reason = place.device.cannot_open(runtime)
    if reason is not None:
        raise RequestError(f"{place.device.name} does not open {target.name}: {reason}")
    if is_emulated_at(place.device.kind, runtime):
        raise RequestError(f"{target.name} is emulated there", hint="foretell it on a device that has the runtime")
    step = CompileKernels(
        kernels=tuple(share.kernel for share in kernels.shares),
        target=target.name,
        packages=target.packages,
        precision=precision,
    )
    entry = runner.step(step)
    compiled = {each.kernel: each for each in read_compiled_kernels(entry)}
    if not compiled:
        return None
    times: list[KernelTime] = []
    results: list[JobResult] = []
    for share in kernels.shares:
        found = compiled.get(share.kernel)
        if found is None:
            continue
        folder = entry / found.place
        float_ms, integer_ms = (
            _p50_ms(folder / name / artifact.files[0].path, found, artifact, runtime, place, runner, results)
            for name, artifact in (("fp32", found.float_), ("integer", found.integer))
        )
        times.append(
            KernelTime(
                kernel=share.kernel.words, nodes=share.nodes, macs=share.macs, float_ms=float_ms, integer_ms=integer_ms
            )
        )
    last = results[-1]
    return Forecast(
        target=target.name,
        device=place.device.name,
        precision=precision.value,
        runtime=last.runtime,
        runtime_version=last.runtime_version,
        ratio=ratio_of(tuple(times)),
        covered=sum(each.macs for each in times) / kernels.macs,
        kernels=tuple(times),
        measured=last.evidence,
        instructions=tuple(sorted(INT8_PRODUCTS.intersection(place.facts.features))),
    )


def foretell_planned(
    planned: Sequence[PlannedArtifact],
    imported: Imported,
    dims: Mapping[str, int],
    places: Sequence[Place],
    runner: Runner,
) -> tuple[Forecast, ...]:
    """Foretell each precision that computes with integers, for each target that was asked for it, where it is opened.

    Each forecast is announced as soon as it is known. What cannot be foretold is announced too, and holds nothing up.
    Engines of the web are not asked: each kernel would start a browser of its own.
    """
    asked = dict.fromkeys((item.target.name, precision) for item in planned if (precision := _computes_in(item)))
    if not asked:
        return ()
    targets = {item.target.name: item.target for item in planned}
    hub = FileRef(path=str(imported.hub), digest=imported.hub_digest)
    kernels = read_kernels(runner.step(ListKernels(hub=hub, dims=dict(dims))))
    found = []
    for place in places:
        if place.facts.os == WEB:
            runner.progress.announced(
                f"{place.device.name}: whether integers are faster there is said when it was measured"
            )
            continue
        for name, precision in asked:
            if place.device.cannot_open(next(iter(targets[name].formats.values()))) is not None:
                continue
            try:
                forecast = foretell(targets[name], precision, kernels, place, runner)
            except EdgewrightError as error:
                what = f"{name} on {place.device.name}: whether {precision} is faster cannot be foretold"
                runner.progress.announced(f"{what}: {error.message}")
                continue
            if forecast is not None:
                runner.progress.announced(line_of(forecast))
                found.append(forecast)
    return tuple(found)


def _computes_in(item: PlannedArtifact) -> Precision | None:
    """Give the precision of a recipe when kernels multiply integers in it."""
    from ..compiler.recipe import parse

    steps = parse(item.recipe, where=f"recipes.{item.options.variant}").passes
    precision = steps[-1].precision if steps else None
    return precision if precision in COMPUTING else None


def _p50_ms(
    file: Path,
    compiled: CompiledKernel,
    artifact: Artifact,
    runtime: str,
    place: Place,
    runner: Runner,
    results: list[JobResult],
) -> float:
    """Give the p50 of one kernel in milliseconds; the job that measured it is added to `results`."""
    task = Benchmark(
        inputs=file.parents[1] / "inputs",
        rows_per_call=compiled.kernel.input[0],
        batched=True,
        min_runs=MIN_RUNS,
        min_seconds=MIN_SECONDS,
        warmup_seconds=WARMUP_SECONDS,
    )

    def make(out: Path) -> None:
        result = place.device.run(
            Job(task=task, runtime=runtime, artifact=file, threads=place.device.threads, output=out / "samples")
        )
        (out / "job.json").write_bytes(msgspec.json.encode(result))
        shutil.rmtree(out / "samples")

    key = key_of(
        "kernel",
        {
            "artifact": msgspec.to_builtins(artifact.files),
            "runtime": runtime,
            "device": msgspec.to_builtins(place.facts),
            "device_name": place.device.name,
            "threads": place.device.threads,
            "protocol": [MIN_RUNS, MIN_SECONDS, WARMUP_SECONDS],
        },
    )
    title = f"measure {compiled.kernel.words} in {artifact.precision} on {place.device.name}"
    found = runner.keyed(title, key, make)
    result = JOB_RESULT.decode((found / "job.json").read_bytes())
    results.append(result)
    return latency(samples_of(result).latency_ms).p50 / compiled.times
