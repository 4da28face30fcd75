"""Quantizes trained models to int8 with edgewright and its peers, and compares accuracy, size, seconds and latency.

Every step leaves a record in `results/quantizers`, so that a run may be cut into pieces: `--models ds_cnn --entrants
nncf:static` measures that one again (and the latencies of its model), and the table shows all that was ever measured.
This process only starts others: it imports the standard library alone (see `child.run`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from child import ChildError, run
from entrants import ENTRANTS, FP32, MODELS, PACKAGES, Entrant
from environments import python_of
from machine import facts, versions_in
from quantizer_table import collect, markdown

HERE = Path(__file__).parent
LIMIT_S = 300
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    models = results / "models"
    run([sys.executable, str(HERE / "trained.py"), str(arguments.zoo), str(models)], results / "logs/models.log")
    entrants = [*FP32.values(), *(ENTRANTS[key] for key in arguments.entrants if ENTRANTS[key].kind != "fp32")]
    before = facts()
    for subject in arguments.models:
        draws = sorted(models.glob(f"{subject}.[0-9].npz"))
        if not draws:
            print(f"{subject}: not in {arguments.zoo}, left out", flush=True)
            continue
        for entrant in entrants:
            record = measure(entrant, subject, draws, models, results)
            _write(results / f"{entrant.stem(subject)}.json", record)
            print(f"{subject} {entrant.key}: {record.get('failed', record.get('wall_s'))}", flush=True)
        for suffix in FP32:
            race(subject, suffix, results, draws[0], arguments)
    versions = {name: versions_in(python_of(name), PACKAGES[name]) for name in sorted(_environments(entrants))}
    kept = results / "context.json"
    earlier = json.loads(kept.read_text("utf-8"))["versions"] if kept.exists() else {}
    context = {
        **before,
        "load_after": os.getloadavg(),
        "processes": arguments.processes,
        "rounds": arguments.rounds,
        "versions": earlier | versions,
    }
    _write(kept, context)
    table = markdown(context, collect(results))
    print(table)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--entrants", nargs="+", choices=list(ENTRANTS), default=list(ENTRANTS), metavar="ENTRANT")
    parser.add_argument("--zoo", type=Path, default=HERE / "zoo", help="the folder of trained models, see README")
    parser.add_argument("--processes", type=int, default=4, help="processes in which latency is measured")
    parser.add_argument("--rounds", type=int, default=8, help="turns of each file in each process")
    parser.add_argument("--results", type=Path, default=HERE / "results/quantizers")
    return parser.parse_args()


def measure(entrant: Entrant, subject: str, draws: list[Path], models: Path, results: Path) -> dict[str, Any]:
    """Quantize with the calibration rows of each draw (once where none are used), and judge each file.

    A quantizer that fails, or whose file does not run, gives a record that says so.
    """
    log = results / f"logs/{entrant.stem(subject)}.log"
    judge_log = log.with_suffix(".judge.log")
    if not Path(python_of(entrant.environment)).exists():
        return {"failed": f"not run: there is no environment {entrant.environment}"}
    seconds, judged = [], []
    try:
        for draw in range(len(draws) if entrant.kind == "static" else 1):
            path = entrant.file(subject, draw, results)
            path.unlink(missing_ok=True)
            usage = run(entrant.command(subject, draw, models, results), log, QUIET, LIMIT_S)
            seconds.append(usage.wall_s)
    except ChildError as error:
        return {"failed": f"quantizing: {_cause(log, error)}"}
    try:
        for draw in range(len(seconds)):
            judging = draws[draw : draw + 1] if entrant.kind == "static" else draws
            out = results / "judged.json"
            path = entrant.file(subject, draw, results)
            command = [sys.executable, str(HERE / "judge.py"), str(path), str(out), *map(str, judging)]
            run(command, judge_log, QUIET, LIMIT_S)
            judged += json.loads(out.read_text("utf-8"))
    except ChildError as error:
        for draw in range(len(seconds)):
            entrant.file(subject, draw, results).unlink()
        return {"failed": f"the file does not run: {_cause(judge_log, error)}", "wall_s": statistics.median(seconds)}
    size_bytes = entrant.file(subject, 0, results).stat().st_size
    return {"wall_s": statistics.median(seconds), "wall_s_all": seconds, "size_bytes": size_bytes, "judged": judged}


def race(subject: str, suffix: str, results: Path, data: Path, arguments: argparse.Namespace) -> None:
    """Measure the latency of all files of one model in one runtime, those of earlier runs too."""
    present = {key: entrant.file(subject, 0, results) for key, entrant in ENTRANTS.items() if entrant.suffix == suffix}
    files = {str(path): key for key, path in present.items() if path.exists()}
    medians: dict[str, list[float]] = {key: [] for key in files.values()}
    out = results / "race.json"
    for seed in range(arguments.processes):
        command = [sys.executable, str(HERE / "race.py"), str(seed), str(arguments.rounds), str(data), str(out), *files]
        run(command, results / "logs/race.log")
        for path, values in json.loads(out.read_text("utf-8")).items():
            medians[files[path]] += values
    _write(results / f"{subject}{suffix}.race.json", medians)


def _environments(entrants: list[Entrant]) -> set[str]:
    names = {entrant.environment for entrant in entrants}
    return {name for name in names if Path(python_of(name)).exists()}


def _cause(log: Path, error: ChildError) -> str:
    """Give the first exception in a log, which is what the others followed from; else the last line."""
    found = re.findall(r"^[\w.]*(?:Error|Exception): .+", log.read_text("utf-8", "replace"), re.MULTILINE)
    return (found[0] if found else str(error).strip().splitlines()[-1]).strip()[:200]


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
