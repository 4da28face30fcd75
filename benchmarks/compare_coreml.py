"""Converts two models to Core ML with edgewright and with coremltools' own PyTorch path: time, memory, files.

The two take turns. Results go to `results/coreml.json`, and a table to the terminal. This process only starts others:
it imports the standard library alone, so that the peak memory of its children is theirs (see `child.run`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from child import Usage, run
from compile_step import compile_step
from contestants import SUBJECTS
from environments import python_of
from machine import facts, versions_in

HERE = Path(__file__).parent
OUTPUTS = {"mobilenet_v2": "logits", "encoder": "hidden"}
PACKAGES = {"edgewright": ("edgewright", "coremltools"), "coremltools": ("coremltools", "torch")}


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    models = results / "models"
    run([sys.executable, str(HERE / "models.py"), str(models)], results / "logs/models.log")
    record: dict[str, Any] = {
        "context": {
            **facts(),
            "repeats": arguments.repeats,
            "versions": {name: versions_in(python_of(name), packages) for name, packages in PACKAGES.items()},
        },
        "models": {subject: compare(subject, models, results, arguments.repeats) for subject in arguments.models},
    }
    record["context"]["load_after"] = os.getloadavg()
    (results / "coreml.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(markdown(record))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=list(SUBJECTS), default=list(SUBJECTS))
    parser.add_argument("--repeats", type=int, default=5, help="conversions of each, the median is reported")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return parser.parse_args()


def compare(subject: str, models: Path, results: Path, repeats: int) -> dict[str, Any]:
    """Convert one model by turns, and look at the packages."""
    package = {name: results / f"{subject}.{name}.mlpackage" for name in PACKAGES}
    steps: dict[str, Callable[[], Usage]] = {
        "import": lambda: make_hub(subject, models, results),
        "edgewright": lambda: with_edgewright(subject, models, results, package["edgewright"]),
        "coremltools": lambda: with_coremltools(subject, models, results, package["coremltools"]),
    }
    usages: dict[str, list[Usage]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            usages[name].append(step())
            print(f"{subject} {name}: {usages[name][-1].wall_s:.2f} s", flush=True)
    return {
        name: {
            "wall_s": statistics.median(usage.wall_s for usage in taken),
            "wall_s_all": [usage.wall_s for usage in taken],
            "peak_bytes": max(usage.peak_bytes for usage in taken),
            **(look(subject, package[name], models, results) if name in package else {}),
        }
        for name, taken in usages.items()
    }


def make_hub(subject: str, models: Path, results: Path) -> Usage:
    """Import a model into the hub, in a process of its own, as `edgewright build` does before it compiles."""
    command = [sys.executable, str(HERE / "converters/make_hub.py")]
    files = [str(models / f"{subject}.onnx"), str(models / f"{subject}.hub")]
    return run([*command, *files], results / f"logs/{subject}.import.log")


def with_edgewright(subject: str, models: Path, results: Path, package: Path) -> Usage:
    """Run what `edgewright build` starts to compile one variant for one target."""
    folder, log = results / f"{subject}.coreml.step", results / f"logs/{subject}.edgewright.coreml.log"
    shutil.rmtree(package, ignore_errors=True)
    usage = compile_step(models / f"{subject}.hub", "coreml", folder, log, "fp32")
    shutil.copytree(folder / "files/model.mlpackage", package)
    return usage


def with_coremltools(subject: str, models: Path, results: Path, package: Path) -> Usage:
    """Trace the module and convert the trace."""
    shutil.rmtree(package, ignore_errors=True)
    script = str(HERE / "converters/with_coremltools.py")
    command = [python_of("coremltools"), script, subject, str(models), str(package)]
    return run(command, results / f"logs/{subject}.coremltools.log")


def look(subject: str, package: Path, models: Path, results: Path) -> dict[str, Any]:
    """Say what is in a package, and what it gives."""
    out = results / f"{package.stem}.coreml.json"
    names = [SUBJECTS[subject][0], OUTPUTS[subject]]
    command = [sys.executable, str(HERE / "coreml_package.py"), str(package), str(models / f"{subject}.npz"), *names]
    run([*command, str(out)], results / f"logs/{package.stem}.look.log")
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def markdown(record: dict[str, Any]) -> str:
    """Write the record as text for people."""
    context = record["context"]
    (before, *_), (after, *_) = context["load_before"], context["load_after"]
    machine = f"{context['date']}, {context['cpu']}, {context['cores']} cores"
    lines = [
        f"{machine}, load {before:.1f} before and {after:.1f} after.",
        "",
        "| model | converter | seconds | peak MB | package MB | operations | max_abs |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for subject, rows in record["models"].items():
        for name, version in (("edgewright", "edgewright"), ("coremltools", "coremltools")):
            row = rows[name]
            lines.append(
                f"| {subject} | {name} {context['versions'][name][version]} | {row['wall_s']:.2f} "
                f"| {row['peak_bytes'] / 1e6:.0f} | {row['size_bytes'] / 1e6:.2f} | {row['op_count']} "
                f"| {row['max_abs']:.1e} |"
            )
        hub = rows["import"]
        lines.append(
            f"| {subject} | edgewright's import, once for all targets | {hub['wall_s']:.2f} "
            f"| {hub['peak_bytes'] / 1e6:.0f} | | | |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
