"""Converts two models to TFLite with edgewright and its peers, and compares conversion, files and latency.

Results go to `results/comparison.json` and `results/comparison.md`. This process only starts others: it imports the
standard library alone, so that the peak memory of its children is theirs (see `child.run`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from child import Usage, run
from contestants import PACKAGES, SUBJECTS, Contestant, contestants
from environments import python_of
from machine import facts, versions_in
from table import markdown

HERE = Path(__file__).parent


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    models = results / "models"
    for converter in arguments.converters:
        if not Path(python_of(converter)).exists():
            sys.exit(f"{converter}: there is no {python_of(converter)}; run {HERE / 'environments.py'} first")
    run([sys.executable, str(HERE / "models.py"), str(models)], results / "logs/models.log")
    record: dict[str, Any] = {"context": context(arguments), "models": {}}
    for subject in arguments.models:
        imported = make_hub(subject, models, results) if "edgewright" in arguments.converters else None
        rows = contestants(subject, arguments.converters, models, results)
        figures = {row.key: convert(row, arguments.repeats) for row in rows}
        latencies = race(rows, results, arguments.processes, arguments.rounds)
        for row in rows:
            figures[row.key] |= compare(row, rows, latencies)
        record["models"][subject] = {"import": imported, "rows": list(figures.values())}
    record["context"]["load_after"] = os.getloadavg()
    (results / "comparison.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    (results / "comparison.md").write_text(markdown(record), "utf-8")
    print(markdown(record))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=list(SUBJECTS), default=list(SUBJECTS))
    parser.add_argument("--converters", nargs="+", choices=list(PACKAGES), default=list(PACKAGES))
    parser.add_argument("--repeats", type=int, default=3, help="conversions of each, the median is reported")
    parser.add_argument("--processes", type=int, default=7, help="processes in which latency is measured")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each file in each process")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return parser.parse_args()


def make_hub(subject: str, models: Path, results: Path) -> dict[str, float]:
    """Import a model into the hub, in a process of its own, as `edgewright build` does before it compiles."""
    hub = models / f"{subject}.hub"
    command = [sys.executable, str(HERE / "converters/make_hub.py"), str(models / f"{subject}.onnx"), str(hub)]
    usage = run(command, results / f"logs/{subject}.import.log")
    return {"wall_s": usage.wall_s, "peak_bytes": usage.peak_bytes}


def convert(row: Contestant, repeats: int) -> dict[str, Any]:
    """Convert several times, and look at the file that came of it."""
    log = row.results / f"logs/{row.key}.log"
    usages: list[Usage] = []
    for _ in range(repeats):
        usages.append(run(row.prepare(), log, {"TF_CPP_MIN_LOG_LEVEL": "3"}))
        row.collect()
        print(f"{row.key}: {usages[-1].wall_s:.2f} s", flush=True)
    measured = row.results / f"{row.key}.json"
    command = [sys.executable, str(HERE / "measure.py"), str(row.file), str(row.data), str(measured)]
    run(command, log.with_suffix(".measure.log"))
    return {
        "converter": row.converter,
        "layout": row.layout,
        "wall_s": statistics.median(usage.wall_s for usage in usages),
        "wall_s_all": [usage.wall_s for usage in usages],
        "peak_bytes": max(usage.peak_bytes for usage in usages),
        **json.loads(measured.read_text("utf-8")),
    }


def race(rows: list[Contestant], results: Path, processes: int, rounds: int) -> dict[str, list[float]]:
    """Latencies in milliseconds, by contestant; entries of one index come from one round."""
    files, data, out = {str(row.file): row.key for row in rows}, rows[0].data, results / "race.json"
    medians: dict[str, list[float]] = {row.key: [] for row in rows}
    for seed in range(processes):
        command = [sys.executable, str(HERE / "race.py"), str(seed), str(rounds), str(data), str(out), *files]
        run(command, results / "logs/race.log")
        for path, values in json.loads(out.read_text("utf-8")).items():
            medians[files[path]] += values
    return medians


def compare(row: Contestant, rows: list[Contestant], latencies: dict[str, list[float]]) -> dict[str, Any]:
    """The latency of one contestant, and its ratio, round by round, to the fastest peer with the same input layout."""
    mine = latencies[row.key]
    peers = [other.key for other in rows if other.layout == row.layout and other.converter != "edgewright"]
    best = min(peers, key=lambda key: statistics.median(latencies[key]), default=None)
    figures: dict[str, Any] = {"latency_ms": statistics.median(mine), "latency_ms_all": mine}
    if best is not None:
        ratios = [own / other for own, other in zip(mine, latencies[best], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        figures |= {"ratio": middle, "ratio_quartiles": [low, high], "best_peer": best.split(".")[1]}
    return figures


def context(arguments: argparse.Namespace) -> dict[str, Any]:
    """The machine, the date and the versions."""
    return {
        **facts(),
        "repeats": arguments.repeats,
        "processes": arguments.processes,
        "rounds": arguments.rounds,
        "versions": {name: versions(name) for name in arguments.converters},
        "runtime": versions_in(sys.executable, ("ai-edge-litert", "onnxruntime")),
    }


def versions(converter: str) -> dict[str, str]:
    """The versions of a converter's packages in its environment."""
    return versions_in(python_of(converter), PACKAGES[converter])


if __name__ == "__main__":
    main()
