"""Converts MobileNetV2 to TF.js with edgewright and with the official converter: time, memory, files, outputs.

The official converter starts from Keras' SavedModel, edgewright from the ONNX file of the same function; the two take
turns. Results go to `results/tfjs.json`, and a table to the terminal. This process only starts others: it imports the
standard library alone, so that the peak memory of its children is theirs (see `child.run`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from child import Usage, run, spent
from compile_step import compile_step
from environments import python_of
from machine import facts, versions_in

HERE = Path(__file__).parent
MODEL = "mobilenet_v2_keras"
PACKAGES = {"edgewright": ("edgewright", "onnx-ir"), "tensorflowjs": ("tensorflowjs", "tensorflow", "tf-keras")}


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A converter and how the file shall hold the weights, in the converter's own words."""

    by: str
    stored: str
    recipe: tuple[Any, ...] = ()
    """For edgewright: the steps of the variant."""


ENTRANTS = (
    Entrant(by="edgewright", stored="fp32"),
    Entrant(by="tensorflowjs", stored="float32"),
    Entrant(by="edgewright", stored="fp16", recipe=("float16",)),
    Entrant(by="tensorflowjs", stored="float16"),
    Entrant(
        by="edgewright",
        stored="weight_only_wi8_afp32",
        recipe=({"quantize": {"precision": "weight_only_wi8_afp32"}},),
    ),
    Entrant(by="tensorflowjs", stored="uint8"),
)
"""The first two are converted as often as asked, those that hold weights in fewer bytes once."""


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    make_model(results)
    versions = {name: versions_in(python_of(name), packages) for name, packages in PACKAGES.items()}
    record: dict[str, Any] = {"context": {**facts(), "repeats": arguments.repeats, "versions": versions}}
    usages: dict[str, list[Usage]] = {"import": [], **{folder(entrant): [] for entrant in ENTRANTS}}
    for turn in range(arguments.repeats):
        usages["import"].append(make_hub(results))
        for entrant in ENTRANTS if turn == 0 else ENTRANTS[:2]:
            usages[folder(entrant)].append(convert(entrant, results))
            print(f"{folder(entrant)}: {usages[folder(entrant)][-1].wall_s:.2f} s", flush=True)
    record["import"] = spent(usages["import"])
    record["rows"] = [
        {"by": entrant.by, "stored": entrant.stored, **spent(usages[folder(entrant)]), **look(entrant, results)}
        for entrant in ENTRANTS
    ]
    record["context"]["load_after"] = os.getloadavg()
    (results / "tfjs.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(markdown(record))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="conversions to float32 of each, the median is reported")
    parser.add_argument("--results", type=Path, default=HERE / "results/web")
    return parser.parse_args()


def folder(entrant: Entrant) -> str:
    """Where a graph model lies, under `tfjs` in the results."""
    return f"{entrant.by}.{entrant.stored}"


def make_model(results: Path) -> None:
    """Write the model in both of its forms, unless it is there."""
    models = results / "models"
    models.mkdir(parents=True, exist_ok=True)
    if not (models / f"{MODEL}.npz").exists():
        command = [python_of("tensorflowjs"), str(HERE / "converters/make_keras_mobilenet.py"), str(models)]
        run(command, results / "logs/keras.log")


def make_hub(results: Path) -> Usage:
    """Import the ONNX file into the hub, in a process of its own, as `edgewright build` does before it compiles."""
    files = [str(results / f"models/{MODEL}.{suffix}") for suffix in ("onnx", "hub")]
    return run([sys.executable, str(HERE / "converters/make_hub.py"), *files], results / "logs/import.log")


def convert(entrant: Entrant, results: Path) -> Usage:
    """Convert once; the files lie in the entrant's folder afterwards."""
    out, log = results / "tfjs" / folder(entrant), results / f"logs/{folder(entrant)}.log"
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(exist_ok=True)
    if entrant.by == "tensorflowjs":
        script, source = HERE / "converters/with_tensorflowjs.py", results / f"models/{MODEL}.saved_model"
        return run([python_of(entrant.by), str(script), str(source), str(out), entrant.stored], log)
    step = results / "step"
    usage = compile_step(results / f"models/{MODEL}.hub", "tfjs", step, log, entrant.stored, entrant.recipe)
    shutil.copytree(step / "files", out)
    return usage


def look(entrant: Entrant, results: Path) -> dict[str, Any]:
    """Say what is in a graph model, and what it gives."""
    name = folder(entrant)
    model, out = results / "tfjs" / name / "model.json", results / f"{name}.json"
    command = [sys.executable, str(HERE / "graph_model.py"), str(model), str(results / f"models/{MODEL}.npz"), str(out)]
    run(command, results / f"logs/{name}.look.log")
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def markdown(record: dict[str, Any]) -> str:
    """Write the record as text for people."""
    context, hub = record["context"], record["import"]
    (before, *_), (after, *_) = context["load_before"], context["load_after"]
    lines = [
        f"{context['date']}, {context['cpu']}, {context['cores']} cores, load {before:.1f} before, {after:.1f} after.",
        f"Importing and cleaning up, once for all targets: {seconds(hub)} s, {hub['peak_bytes'] / 1e6:.0f} MB.",
        "",
        "| converter | weights held as | seconds (of CPU) | peak MB | bytes | model.json | operators | max_abs |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in record["rows"]:
        cells = [
            f"{row['by']} {context['versions'][row['by']][row['by']]}",
            row["stored"],
            seconds(row),
            f"{row['peak_bytes'] / 1e6:.0f}",
            f"{row['size_bytes']:,}",
            f"{row['json_bytes']:,}",
            str(row["op_count"]),
            f"{row['max_abs']:.1e}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for row in record["rows"]:
        ops = ", ".join(f"{count} {op}" for op, count in sorted(row["ops"].items(), key=lambda item: -item[1]))
        lines.append(f"- {row['by']} {row['stored']}: {ops}")
    return "\n".join(lines)


def seconds(row: dict[str, Any]) -> str:
    """`0.80 (0.75)`: of the clock, and of the processors."""
    return f"{row['wall_s']:.2f} ({row['cpu_s']:.2f})"


if __name__ == "__main__":
    main()
