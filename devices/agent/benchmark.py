"""Measure an artifact: loading, the first call, and then calls until there are enough of them."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

from ...targets.runtime import Array, RunOptions, Runtime, Session
from ...vocabulary.tensor_folder import TensorFolder
from . import context
from .infer import call_inputs
from .job import Calls, Procedure
from .memory import take_baseline


def benchmark(runtime: Runtime, artifact: Path, threads: int, calls: Calls, procedure: Procedure) -> dict[str, Any]:
    """Give the raw samples, in the form of `devices.base.Samples`.

    Raises:
        ValueError: when there are fewer rows than one call takes, or the runtime refuses the artifact or the inputs.
        ImportError: when the runtime is not installed.
    """
    folder = TensorFolder(calls.inputs)
    if folder.row_count < calls.rows_per_call:
        raise ValueError(f"{calls.inputs.name}: {folder.row_count} rows, but one call takes {calls.rows_per_call}")
    inputs = call_inputs(folder, calls, 0, calls.rows_per_call)
    runtime.prepare()
    circumstances = context.before(runtime.name, runtime.version(), threads)
    baseline = take_baseline()

    began = time.perf_counter_ns()
    session = runtime.load(artifact, RunOptions(threads=threads))
    loaded = time.perf_counter_ns()
    session.run(inputs)
    first = time.perf_counter_ns()
    _run_until(session, inputs, procedure.warmup_runs, procedure.warmup_seconds)
    gc.disable()  # a collection of the agent's own garbage is no part of a call
    try:
        samples_ns = _run_until(session, inputs, procedure.min_runs, procedure.min_seconds)
    finally:
        gc.enable()
    return {
        "load_ms": (loaded - began) / 1e6,
        "first_ms": (first - loaded) / 1e6,
        "latency_ms": [sample / 1e6 for sample in samples_ns],
        "peak_memory_bytes": baseline.peak_above_bytes(),
        "context": {
            **circumstances,
            **context.after(),
            "rows_per_call": calls.rows_per_call,
            "warmup_runs": procedure.warmup_runs,
            "warmup_seconds": procedure.warmup_seconds,
            "min_runs": procedure.min_runs,
            "min_seconds": procedure.min_seconds,
            "peak_memory": "since loading began" if baseline.is_reset else "of the process",
        },
    }


def _run_until(session: Session, inputs: dict[str, Array], min_runs: int, min_seconds: float) -> list[int]:
    """Run at least so often and at least so long; give the nanoseconds of each call."""
    samples_ns: list[int] = []
    now = time.perf_counter_ns()
    end = now + round(min_seconds * 1e9)
    while len(samples_ns) < min_runs or now < end:
        began = time.perf_counter_ns()
        session.run(inputs)
        now = time.perf_counter_ns()
        samples_ns.append(now - began)
    return samples_ns
