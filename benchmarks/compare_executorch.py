"""Makes ExecuTorch programs with edgewright and with ExecuTorch's own export: time, memory, files, latency.

The direct way starts from the PyTorch module, edgewright from the ONNX file of the same function; both lower for
XNNPACK, float32, and take turns. Latency is of all files of a model in one process, onnxruntime with the ONNX file
beside them. Results go to `results/executorch/executorch.json`, and a table to the terminal. This process only starts
others (see `child.run`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from child import Usage, run, spent
from compile_step import compile_step
from machine import facts, versions_in

HERE = Path(__file__).parent
MODELS = ("mobilenet_v2", "encoder", "lstm")
BY = ("edgewright", "torch.export")
REFERENCE = "onnxruntime"
PACKAGES = ("edgewright", "executorch", "torch", "onnxruntime")


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    run([sys.executable, str(HERE / "models.py"), str(results / "models")], results / "logs/models.log")
    context = {**facts(), "repeats": arguments.repeats, "versions": versions_in(sys.executable, PACKAGES)}
    record: dict[str, Any] = {"context": context, "models": {}}
    for model in arguments.models:
        hub = [str(results / f"models/{model}.{suffix}") for suffix in ("onnx", "hub")]
        run([sys.executable, str(HERE / "converters/make_hub.py"), *hub], results / f"logs/{model}.import.log")
        usages: dict[str, list[Usage]] = {by: [] for by in BY}
        for by in BY * arguments.repeats:
            usages[by].append(convert(model, by, results))
            print(f"{model} by {by}: {usages[by][-1].wall_s:.1f} s", flush=True)
        rows = {by: {**spent(usages[by]), **look(model, by, results)} for by in BY}
        rounds = race(model, results, arguments)
        record["models"][model] = {"rows": rows, "rounds_ms": rounds}
    record["context"]["load_after"] = os.getloadavg()
    (results / "executorch.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(markdown(record))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--repeats", type=int, default=1, help="conversions of each, the median is reported")
    parser.add_argument("--processes", type=int, default=5, help="processes in which latency is measured")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each file in each process")
    parser.add_argument("--results", type=Path, default=HERE / "results/executorch")
    return parser.parse_args()


def program(model: str, by: str, results: Path) -> Path:
    """Where a program lies."""
    return results / f"{model}.{by}.pte"


def convert(model: str, by: str, results: Path) -> Usage:
    """Make a program once, in a process of its own."""
    log, out = results / f"logs/{model}.{by}.log", program(model, by, results)
    if by != "edgewright":
        script = HERE / "converters/with_executorch.py"
        return run([sys.executable, str(script), model, str(results / "models"), str(out)], log)
    step = results / "step"
    usage = compile_step(results / f"models/{model}.hub", "executorch", step, log, "fp32")
    shutil.copy(step / "files/model.pte", out)
    return usage


def look(model: str, by: str, results: Path) -> dict[str, Any]:
    """Say what is in a program, and what it gives."""
    out, data = results / f"{model}.{by}.json", results / f"models/{model}.npz"
    command = [sys.executable, str(HERE / "program_file.py"), str(program(model, by, results)), str(data), str(out)]
    run(command, results / f"logs/{model}.{by}.look.log")
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def race(model: str, results: Path, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Latencies in milliseconds; entries of one index come from one round."""
    files = {str(program(model, by, results)): by for by in BY}
    files[str(results / f"models/{model}.onnx")] = REFERENCE
    data, out = results / f"models/{model}.npz", results / "race.json"
    medians: dict[str, list[float]] = {name: [] for name in files.values()}
    for seed in range(arguments.processes):
        command = [str(HERE / "race.py"), str(seed), str(arguments.rounds), str(data), str(out), *files]
        run([sys.executable, *command], results / "logs/race.log")
        for path, values in json.loads(out.read_text("utf-8")).items():
            medians[files[path]] += values
    return medians


def markdown(record: dict[str, Any]) -> str:
    """Write the record as text for people."""
    context = record["context"]
    (before, *_), (after, *_) = context["load_before"], context["load_after"]
    versions = ", ".join(f"{name} {version}" for name, version in context["versions"].items())
    lines = [
        f"{context['date']}, {context['cpu']}, {context['cores']} cores, load {before:.1f} before, {after:.1f} after;",
        f"{versions}; one thread.",
        "",
        "| model | by | s (CPU s) | peak MB | file MB | delegates | kernels | max_abs | ms | ratio to onnxruntime |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, model in record["models"].items():
        rounds = model["rounds_ms"]
        for by, row in model["rows"].items():
            ratios = [ms / base for ms, base in zip(rounds[by], rounds[REFERENCE], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            lines.append(
                f"| {name} | {by} | {row['wall_s']:.1f} ({row['cpu_s']:.1f}) | {row['peak_bytes'] / 1e6:.0f} "
                f"| {row['bytes'] / 1e6:.2f} | {row['delegates']} | {sum(row['kernels'].values())} "
                f"| {row['max_abs']:.1e} | {statistics.median(rounds[by]):.3f} | {middle:.3f} ({low:.3f}–{high:.3f}) |"
            )
        lines.append(f"| {name} | {REFERENCE} |||||||{statistics.median(rounds[REFERENCE]):.3f} | 1 |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
