"""How fast TVM's code is: as TVM makes it by itself, with edgewright's schedules, tuned, and onnxruntime beside it.

All of one model are loaded in one process and take turns, on one thread. Results go to `results/tvm.json`, and a table
to the terminal, with the kernels in which most of the time is spent.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["TVM_NUM_THREADS"] = "1"  # before TVM is imported: it starts its threads once

import numpy as np
import onnxruntime
import tvm
from machine import facts
from tvm import relax

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.passes.fix_dimensions import FixDimensions
from edgewright.targets.tvm.cpus import HOST, cpu_named
from edgewright.targets.tvm.emit import emit
from edgewright.targets.tvm.llvm import target_of
from edgewright.targets.tvm.schedule.pipeline import fused, scheduled
from edgewright.targets.tvm.tuning.found import tiles_in
from edgewright.targets.tvm.tuning.records import Database
from edgewright.targets.tvm.tuning.tasks import tasks_of
from edgewright.targets.tvm.tuning.tune import tune

HERE = Path(__file__).parent
TURN_S = 0.06
REFERENCE = "onnxruntime"
Run = Callable[[], Any]


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    results.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"context": {**facts(), "tvm": tvm.__version__, "onnxruntime": onnxruntime.__version__}}
    record["budget_s"], record["models"] = arguments.budget, {}
    for path in models(results, arguments.model):
        record["models"][path.stem] = compare(path, arguments, results / "tvm.database")
        (results / "tvm.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    record["context"]["load_after"] = os.getloadavg()
    (results / "tvm.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(markdown(record))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=600.0, help="seconds of tuning for each model")
    parser.add_argument("--rounds", type=int, default=40, help="in which each takes its turn of 60 ms")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="more ONNX files")
    parser.add_argument("--results", type=Path, default=HERE / "results/tvm")
    return parser.parse_args()


def models(results: Path, more: list[Path]) -> list[Path]:
    """Give the ONNX files: MobileNetV2 of 224², written unless it is there, of 96², and those that were named."""
    import models as subjects
    import onnx

    large, small = results / "mobilenet_v2.onnx", results / "mobilenet_v2_96.onnx"
    if not large.exists():
        subjects.write(subjects.SUBJECTS["mobilenet_v2"], results)
    proto = onnx.load(large)
    for axis in (2, 3):
        proto.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 96
    del proto.graph.value_info[:]
    onnx.save(proto, small)
    return [large, small, *more]


def compare(path: Path, arguments: argparse.Namespace, database: Path) -> dict[str, Any]:
    """Tune one model, build it in three ways, and let them take turns with onnxruntime."""
    model = CLEANUP(import_model(Request(reference=path.name, folder=path.parent)).model)
    first = {spec.shape[0]: 1 for spec in model.signature.inputs if isinstance(spec.shape[0], str)}
    emitted = emit(FixDimensions(first)(model))
    target = target_of(cpu_named(HOST))
    kernels = fused(emitted.module, target)
    seconds, tiles = [], {}
    for _ in range(2):  # the second finds everything in the database
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            tune(kernels, target, arguments.budget, database, Path(folder), lambda line: print(line, flush=True))
            seconds.append(time.perf_counter() - began)
            tiles = dict(tiles_in(Path(folder)))
    session, feed = opened(path)
    expected = session.run(None, feed)
    tensors = [tvm.runtime.tensor(value) for value in feed.values()]
    runs: dict[str, Run] = {REFERENCE: lambda: session.run(None, feed)}
    found: dict[str, Any] = {"tuning_s": seconds, "max_abs": {}}
    for name, module in (
        ("TVM by itself", emitted.module),
        ("edgewright, default tiles", scheduled(kernels, target, {})),
        ("edgewright, tuned", scheduled(kernels, target, tiles)),
    ):
        pipeline = None if module is emitted.module else relax.get_pipeline("default_build")
        built = relax.build(module, target, **({} if pipeline is None else {"relax_pipeline": pipeline}))
        machine = relax.VirtualMachine(built, tvm.cpu())
        runs[name] = partial(machine["main"], *tensors)
        given = [value.numpy() for value in runs[name]()]
        found["max_abs"][name] = max(float(np.abs(a - b).max()) for a, b in zip(given, expected, strict=True))
    return {**found, "rounds_ms": race(runs, arguments.rounds), "kernels": shares(kernels, target, database)}


def opened(path: Path) -> tuple[Any, dict[str, Any]]:
    """Open a file in onnxruntime on one thread, with drawn inputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    source = np.random.default_rng(1)
    dtypes = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32"}
    feed = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in value.shape]
        drawn = source.standard_normal(shape) if value.type == "tensor(float)" else source.integers(0, 100, shape)
        feed[value.name] = drawn.astype(dtypes[value.type])
    return session, feed


def race(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Give a median in milliseconds for each round; in a round each runs for a moment, in an order drawn anew."""
    source = random.Random(1)
    counts = {
        name: max(3, round(TURN_S / statistics.median(timed(run) for _ in range(5)))) for name, run in runs.items()
    }
    medians: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name in source.sample([*runs], len(runs)):
            runs[name]()  # brings the weights back into the caches
            medians[name].append(1e3 * statistics.median(timed(runs[name]) for _ in range(counts[name])))
    return medians


def timed(run: Run) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def shares(kernels: Any, target: Any, database: Path) -> list[dict[str, Any]]:
    """Give the kernels by the time that all their calls take with the fastest tile, the longest first."""
    known = Database(database).read()
    found = []
    for task in tasks_of(kernels, target):
        ranked = known.ranked(task.key)
        if ranked:
            default = known.tried(task.key).get(task.tiles[0])
            found.append(
                {
                    "kernel": task.name,
                    "calls": task.calls,
                    "ms": ranked[0][0],
                    "default_ms": default,
                    "trials": len(ranked),
                }
            )
    return sorted(found, key=lambda entry: -entry["calls"] * entry["ms"])


def markdown(record: dict[str, Any]) -> str:
    """Write the record as text for people."""
    context = record["context"]
    (before, *_), (after, *_) = context["load_before"], context["load_after"]
    lines = [
        (
            f"{context['date']}, {context['cpu']}, {context['cores']} cores, "
            f"load {before:.1f} before, {after:.1f} after; "
            f"TVM {context['tvm']}, onnxruntime {context['onnxruntime']}, one thread."
        ),
        "",
        "| model | code | ms | ratio to onnxruntime (quartiles) | max_abs |",
        "|---|---|--:|--:|--:|",
    ]
    for name, model in record["models"].items():
        rounds = model["rounds_ms"]
        for code, times in rounds.items():
            ratios = [ms / base for ms, base in zip(times, rounds[REFERENCE], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            far = f"{model['max_abs'][code]:.1e}" if code in model["max_abs"] else ""
            lines.append(f"| {name} | {code} | {min(times):.3f} | {middle:.2f} ({low:.2f}–{high:.2f}) | {far} |")
    for name, model in record["models"].items():
        first, second = model["tuning_s"]
        lines += ["", f"{name}: tuned in {first:.0f} s, again in {second:.1f} s. Most time goes to:"]
        total = sum(entry["calls"] * entry["ms"] for entry in model["kernels"])
        for entry in model["kernels"][:6]:
            share = entry["calls"] * entry["ms"] / total
            lines.append(
                f"- {share:.0%}: {entry['calls']} × {entry['ms']:.3f} ms, {entry['kernel']} ({entry['trials']} tiles)"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
