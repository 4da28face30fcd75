"""Compares Core ML packages with compressed weights: edgewright's, and what `coremltools.optimize.coreml` makes.

Both start from one hub model: coremltools compresses edgewright's own float32 package of it, so that nothing but the
weights differs. Results go to `results/coreml_sizes.json` and `results/coreml_sizes.md`.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

from child import ChildError, run
from environments import python_of
from machine import facts, versions_in

HERE = Path(__file__).parent
PEER = "coremltools-weights"
TRAINED = ("ds_cnn", "resnet20", "fastestdet")
MADE = ("mobilenet_v2", "encoder")

SPARSE = {"sparsify": {"sparsity": "50%"}}
WI8 = {"quantize": {"precision": "weight_only_wi8_afp32"}}
SETTINGS: dict[str, tuple[str, list[Any]]] = {
    "lut4": ("iOS16", [{"palettize": {"bits": 4}}]),
    "lut6": ("iOS16", [{"palettize": {"bits": 6}}]),
    "lut8": ("iOS16", [{"palettize": {"bits": 8}}]),
    "wi8": ("iOS16", [WI8]),
    "wi4": ("iOS18", [{"quantize": {"precision": "weight_only_wi4_afp32"}}]),
    "sparse 50%": ("iOS16", [SPARSE]),
    "sparse 75%": ("iOS16", [{"sparsify": {"sparsity": "75%"}}]),
    "sparse 50% wi8": ("iOS18", [SPARSE, WI8]),
    "sparse 50% lut4": ("iOS18", [SPARSE, {"palettize": {"bits": 4}}]),
}
"""Setting → the system that both packages are for, and the recipe. What the peer does is in
`converters/compress_with_coremltools.py`."""


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    models = results / "models"
    make_models(arguments.models, arguments.zoo.resolve(), models, results)
    record: dict[str, Any] = {
        "context": {**facts(), "versions": versions_in(python_of(PEER), ("coremltools", "scikit-learn", "kmeans1d"))},
        "models": {model: compare(model, models, results, arguments.settings) for model in arguments.models},
    }
    (results / "coreml_sizes.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    text = markdown(record)
    (results / "coreml_sizes.md").write_text(text, "utf-8")
    print(text)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=[*TRAINED, *MADE], default=[*TRAINED, *MADE])
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--zoo", type=Path, default=HERE / "zoo")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return parser.parse_args()


def make_models(wanted: list[str], zoo: Path, models: Path, results: Path) -> None:
    """Write the models as ONNX files, and import each into the hub."""
    models.mkdir(parents=True, exist_ok=True)
    if any(model in TRAINED and not (models / f"{model}.onnx").exists() for model in wanted):
        run([sys.executable, str(HERE / "trained.py"), str(zoo), str(models)], results / "logs/trained.log")
    if any(model in MADE and not (models / f"{model}.onnx").exists() for model in wanted):
        run([sys.executable, str(HERE / "models.py"), str(models)], results / "logs/models.log")
    for model in wanted:
        files = [str(models / f"{model}.onnx"), str(models / f"{model}.hub")]
        run([sys.executable, str(HERE / "converters/make_hub.py"), *files], results / f"logs/{model}.import.log")


def compare(model: str, models: Path, results: Path, settings: list[str]) -> dict[str, Any]:
    """Compress one model in each way by both."""
    folder, logs = results / "coreml_sizes" / model, results / "logs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hub, dense = models / f"{model}.hub", {}
    for system in sorted({SETTINGS[setting][0] for setting in settings}):
        dense[system] = folder / f"dense.{system}.mlpackage"
        ours(hub, [], system, dense[system], logs / f"{model}.dense.log")
    rows = {}
    for setting in settings:
        system, steps = SETTINGS[setting]
        name = setting.replace(" ", "_").replace("%", "")
        mine, theirs = (folder / f"{name}.{who}.mlpackage" for who in ("edgewright", "coremltools"))
        refused = ours(hub, steps, system, mine, logs / f"{model}.{name}.edgewright.log")
        script = str(HERE / "converters/compress_with_coremltools.py")
        log = logs / f"{model}.{name}.coremltools.log"
        seconds = run([python_of(PEER), script, setting, str(dense[system]), str(theirs)], log).wall_s
        packages = [str(theirs)] if refused else [str(mine), str(theirs)]
        out = folder / f"{name}.json"
        command = [sys.executable, str(HERE / "coreml_weights.py"), str(dense[system]), *packages, str(out)]
        run(command, logs / f"{model}.{name}.weights.log")
        found = json.loads(out.read_text("utf-8"))
        rows[setting] = {
            "edgewright": {"refused": refused} if refused else found[str(mine)],
            "coremltools": {**found[str(theirs)], "wall_s": seconds},
        }
        print(f"{model} {setting}: {rows[setting]}", flush=True)
    return rows


def ours(hub: Path, steps: list[Any], system: str, out: Path, log: Path) -> str:
    """Make edgewright's package; give the reason when it refuses to."""
    script = str(HERE / "converters/compress_with_edgewright.py")
    try:
        run([sys.executable, script, str(hub), json.dumps(steps), system, str(out)], log)
    except ChildError:
        if out.exists() or "nothing in the model can be" not in (text := log.read_text("utf-8")):
            raise
        return text.strip().splitlines()[-1]
    return ""


def markdown(record: dict[str, Any]) -> str:
    """Write the record as text for people."""
    versions = ", ".join(f"{name} {version}" for name, version in record["context"]["versions"].items())
    lines = [
        f"{record['context']['date']}, {versions}.",
        "",
        "| model | weights | bytes, edgewright | coremltools | ratio | noise dB, edgewright | coremltools |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for model, rows in record["models"].items():
        for setting, row in rows.items():
            mine, theirs = row["edgewright"], row["coremltools"]
            if "refused" in mine:
                lines.append(f"| {model} | {setting} | refused | {theirs['size_bytes']:,} | | | {decibel(theirs)} |")
                continue
            ratio = mine["size_bytes"] / theirs["size_bytes"]
            lines.append(
                f"| {model} | {setting} | {mine['size_bytes']:,} | {theirs['size_bytes']:,} | {ratio:.3f} "
                f"| {decibel(mine)} | {decibel(theirs)} |"
            )
    return "\n".join([*lines, ""])


def decibel(found: dict[str, Any]) -> str:
    """The noise in the weights by their power."""
    return f"{10 * math.log10(found['noise']):.2f}" if found["noise"] else "none"


if __name__ == "__main__":
    main()
