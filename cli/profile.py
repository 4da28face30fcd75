"""`edgewright profile`: one artifact, measured on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Output, escaped, pass_output
from .units import in_bytes, in_ms
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.measure import Measurement


KINDS = ("local", "browser", "node")
"""Kinds of devices that need nothing said, the one first that is meant when none is said."""
BACKENDS = ("wasm", "webgl", "webgpu", "cpu")


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Measure one artifact (.tflite, .onnx, .ort or the model.json of TF.js) on this machine, in a process of its "
    "own or in a browser or Node, on inputs drawn from its signature: loading, first call, latency, peak memory. Runs "
    "until both --runs and --seconds are reached.",
    examples={
        "edgewright profile out/bundle/content/artifacts/tflite-fp32/model.tflite": "one thread, 50 runs, a second",
        "edgewright profile model.onnx --threads 4 --seconds 5": "steadier figures, four threads",
        "edgewright profile model.json --on browser --backend webgl": "a graph model of TF.js in Chromium, by WebGL",
        "edgewright profile model.tflite --on browser": "a TFLite file in Chromium, by LiteRT.js",
    },
)
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of the runtime.")
@click.option("--runs", type=click.IntRange(min=2), default=50, show_default=True, help="At least so many runs.")
@click.option(
    "--seconds", type=click.FloatRange(min=0.0), default=1.0, show_default=True, help="And at least for so long."
)
@click.option("--on", "kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="What runs it.")
@click.option("--backend", type=click.Choice(BACKENDS), help="What a browser or Node computes with.  [default: wasm]")
@pass_output
def profile(
    output: Output, artifact: Path, threads: int, runs: int, seconds: float, kind: str, backend: str | None
) -> int:
    """Measure it and show the figures."""
    from ..pipeline.measure import profile as measure

    if backend is not None and kind == KINDS[0]:
        raise click.UsageError("--backend goes with --on browser or --on node")
    on = {"kind": kind} if backend is None else {"kind": kind, "backend": backend}
    with output.progress() as progress:
        measured = measure(artifact, threads=threads, min_runs=runs, min_seconds=seconds, progress=progress, on=on)
    output.show(measured, lambda console: _text(console, measured))
    return 0


def _text(console: Console, measured: Measurement) -> None:
    profile, latency = measured.profile, measured.profile.latency_ms
    facts = {
        "device": _device(measured),
        "runtime": f"{measured.runtime} {measured.runtime_version}, {measured.threads} thread"
        + ("s" if measured.threads > 1 else ""),
        "inputs": ", ".join(measured.inputs),
        "size": in_bytes(measured.size_bytes),
        "load": in_ms(profile.load_ms),
        "first call": in_ms(profile.first_ms),
        "latency": f"p50 {in_ms(latency.p50)}, p90 {in_ms(latency.p90)}, p99 {in_ms(latency.p99)}  ({latency.n} runs)",
        "throughput": f"{1000 / latency.p50:.0f} calls/s" if latency.p50 else "–",
        "peak memory": in_bytes(profile.peak_memory_bytes),
        "evidence": str(measured.evidence),
    }
    console.print(f"[bold]{escaped(measured.artifact)}[/]", soft_wrap=True)
    for title, value in facts.items():
        console.print(f"  {title:<13}{value}", markup=False, soft_wrap=True)


def _device(measured: Measurement) -> str:
    """Give `local, Intel Xeon`, `browser, Chromium 150 on Intel Xeon, webgl by SwiftShader`."""
    context = measured.profile.context
    program = " ".join(str(context[key]) for key in ("program", "program_version") if context.get(key))
    place = " on ".join(each for each in (program, str(context.get("cpu") or "")) if each)
    backend = measured.runtime.partition("/")[2]
    return ", ".join(
        filter(None, (measured.device, place, f"{backend} by {context['gpu']}" if context.get("gpu") else ""))
    )
