"""Builds the project files under `learning/`, and lays what was pruned, factored and taught beside the original.

ZOO is the folder that holds `ds_cnn/` (see README.md); without it that model is left out. Each project is built by
`edgewright build`; accuracy, sizes and what was learned are those of its report, latency is measured once more with all
artifacts of a runtime in one process, by turns. Results go to `results/learning/learning.json`, and tables to the
terminal. This process only starts others (see `child.run`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from child import run
from machine import facts, versions_in

HERE = Path(__file__).parent
PACKAGES = ("edgewright", "torch", "onnxruntime", "ai-edge-litert")
RACED = {"onnxruntime": ".onnx", "tflite": ".tflite"}
"""Target → the files of its artifacts that are raced."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A project file under `learning/`, and the files beside it: from the repository, from the zoo, or made here."""

    folder: str
    file: str = "edgewright.toml"
    beside: tuple[str, ...] = ()
    of_zoo: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    raced: bool = True


DS_CNN = ("ds_cnn/ds_cnn.py", "ds_cnn/weights.pt", "ds_cnn/kws_1000_mfcc.npz")
LESSONS = {
    "digits": Lesson(
        folder="digits",
        beside=tuple(f"../examples/digits/{name}" for name in ("digits.onnx", "digits.npz", "train.py")),
    ),
    "ds_cnn": Lesson(folder="ds_cnn", of_zoo=DS_CNN),
    "students": Lesson(folder="ds_cnn", file="students.toml", of_zoo=DS_CNN, raced=False),
    "from_module": Lesson(folder="ds_cnn", file="from_module.toml", of_zoo=DS_CNN, raced=False),
    "from_onnx": Lesson(folder="ds_cnn", file="from_onnx.toml", of_zoo=DS_CNN, made=("ds_cnn.onnx",), raced=False),
    "encoder": Lesson(folder="encoder", beside=("digits_encoder.py", "models.py"), made=("digits_encoder.onnx",)),
    "mobilenet_v2": Lesson(folder="mobilenet_v2", made=("mobilenet_v2.onnx",)),
}


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    path = results / "learning.json"
    record: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {"lessons": {}}
    record["context"] = {**facts(), "versions": versions_in(sys.executable, PACKAGES)}
    made = results / "models"
    if not (made / ("ds_cnn.onnx" if arguments.zoo else "digits_encoder.onnx")).exists():
        made.mkdir(parents=True, exist_ok=True)
        zoo = [str(arguments.zoo)] if arguments.zoo else []
        run([sys.executable, str(HERE / "models_to_learn.py"), str(made), *zoo], results / "logs/models.log")
    for name in arguments.lessons:
        lesson = LESSONS[name]
        if lesson.of_zoo and not arguments.zoo:
            print(f"{name}: left out, no ZOO was named", flush=True)
            continue
        out = build(name, lesson, arguments.zoo, made, results)
        entries = looked_at(out)
        rounds = race(out, entries, results, arguments) if lesson.raced else {}
        record["lessons"][name] = {"entries": entries, "rounds_ms": rounds}
        record["context"]["load_after"] = os.getloadavg()
        path.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
        print(table(name, record["lessons"][name]), flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zoo", nargs="?", type=Path, metavar="ZOO")
    parser.add_argument("--lessons", nargs="+", choices=LESSONS, default=list(LESSONS))
    parser.add_argument("--processes", type=int, default=3, help="processes in which latency is measured")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each file in each process")
    parser.add_argument("--results", type=Path, default=HERE / "results/learning")
    return parser.parse_args()


def build(name: str, lesson: Lesson, zoo: Path | None, made: Path, results: Path) -> Path:
    """Build a project in a folder of its own, and give where its results lie."""
    folder = results / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "learning" / lesson.folder, folder)
    if lesson.file != "edgewright.toml":
        (folder / lesson.file).replace(folder / "edgewright.toml")
    files = [HERE / path for path in lesson.beside] + [made / path for path in lesson.made]
    files += [zoo / path for path in lesson.of_zoo] if zoo is not None else []
    for file in files:
        shutil.copy(file, folder)
    out = folder / "out"
    run(
        [sys.executable, "-m", "edgewright", "build", "-C", str(folder), "--out", str(out)],
        results / f"logs/{name}.log",
    )
    return out


def looked_at(out: Path) -> list[dict[str, Any]]:
    """Say of each artifact how right it is, how large, and what it was taught."""
    report = json.loads((out / "report.json").read_text("utf-8"))
    manifest = json.loads((out / "bundle/content/manifest.json").read_text("utf-8"))
    artifacts = {name_of(artifact): artifact for artifact in manifest["artifacts"]}
    rows = []
    for entry in report["entries"]:
        artifact = artifacts[entry["artifact"]]
        paths = [out / "bundle" / file["path"] for file in artifact["files"]]
        metric = (entry["parity"] or {}).get("metric") or {}
        rows.append(
            {
                "artifact": entry["artifact"],
                "target": artifact["target"],
                "variant": artifact["variant"],
                "file": str(paths[0]),
                "bytes": sum(path.stat().st_size for path in paths),
                "deflated": sum(len(zlib.compress(path.read_bytes(), 9)) for path in paths),
                "metric": metric,
                "training": artifact.get("training", []),
                "notes": artifact.get("notes", []),
            }
        )
    return rows


def name_of(artifact: dict[str, Any]) -> str:
    """Give the name of an artifact."""
    return "-".join(part for part in (artifact["target"], artifact["variant"], artifact["format"]) if part)


def race(
    out: Path, entries: list[dict[str, Any]], results: Path, arguments: argparse.Namespace
) -> dict[str, list[float]]:
    """Latencies in milliseconds by artifact; entries of one index come from one round."""
    medians: dict[str, list[float]] = {}
    data, found = results / "race.npz", results / "race.json"
    run([sys.executable, str(HERE / "golden_row.py"), str(out / "bundle"), str(data)], results / "logs/race.log")
    for target, suffix in RACED.items():
        files = {
            row["file"]: row["artifact"] for row in entries if row["target"] == target and row["file"].endswith(suffix)
        }
        for seed in range(arguments.processes if files else 0):
            command = [str(HERE / "race.py"), str(seed), str(arguments.rounds), str(data), str(found), *files]
            run([sys.executable, *command], results / "logs/race.log")
            for path, values in json.loads(found.read_text("utf-8")).items():
                medians.setdefault(files[path], []).extend(values)
    return medians


def table(name: str, lesson: dict[str, Any]) -> str:
    """Write what was found of one project as text for people."""
    lines = [
        f"**{name}**",
        "",
        "| artifact | right | drop, pp | bytes | deflated | ms | ratio to fp32 | steps |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in lesson["entries"]:
        rounds, base = lesson["rounds_ms"].get(row["artifact"]), lesson["rounds_ms"].get(f"{row['target']}-fp32")
        latency = "|"
        if rounds and base:
            ratios = [ms / first for ms, first in zip(rounds, base, strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            latency = f"{statistics.median(rounds):.3f} | {middle:.3f} ({low:.3f}–{high:.3f})"
        metric = row["metric"]
        right = f"{100 * metric['value']:.2f} % | {metric['drop_pp']:.2f}" if metric else "|"
        steps = sum(record["steps"] for record in row["training"])
        lines.append(
            f"| {row['artifact']} | {right} | {row['bytes']:,} | {row['deflated']:,} | {latency} | {steps or ''} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
