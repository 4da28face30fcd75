"""`for_the_web.py MODEL.onnx DATA.npz OUT`: one model as every artifact that `compare_web.py` runs.

DATA holds `calibration`, rows without a batch axis. OUT takes a folder for each artifact, and `artifacts.json`: name →
`files` (the first is opened), `precision`, `inputs` (name → dtype), `size_bytes`, `ops`. What a target refuses is said
there with its reason, `refused`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.targets.base import Options
from edgewright.targets.table import load_target
from edgewright.vocabulary.errors import RefusedError

sys.path.insert(0, str(Path(__file__).parents[1]))
from variant import variant

RECIPES: dict[str, list[object]] = {
    "fp32": [],
    "fp16": ["float16"],
    "wi8": [{"quantize": {"precision": "weight_only_wi8_afp32"}}],
    "int8": [{"quantize": {"precision": "static_wi8_ai8"}}],
}
ARTIFACTS = {
    "tfjs": ("fp32", "fp16", "wi8"),
    "tflite": ("fp32", "int8"),
    "onnxruntime": ("fp32", "int8"),
}
"""Target → the recipes by which it is built."""


def main() -> None:
    """Build them."""
    source, data, out = (Path(argument) for argument in sys.argv[1:])
    model = CLEANUP(import_model(Request(reference=source.name, folder=source.parent)).model)
    with np.load(data, allow_pickle=False) as arrays:
        rows = {model.signature.inputs[0].name: arrays["calibration"]}
    made: dict[str, dict[str, Any]] = {}
    for name, recipes in ARTIFACTS.items():
        target = load_target(name)
        for recipe in recipes:
            folder = out / f"{name}.{recipe}"
            folder.mkdir(parents=True)
            try:
                prepared = variant(model, RECIPES[recipe], target, rows)
                artifact = target.compile(prepared, Options(variant=recipe), folder)
            except RefusedError as error:
                made[folder.name] = {"refused": str(error)}
                continue
            made[folder.name] = {
                "files": [file.path for file in artifact.files],
                "precision": recipe,
                "inputs": {spec.name: spec.dtype for spec in artifact.signature.inputs},
                "size_bytes": artifact.size_bytes,
                "ops": artifact.ops,
            }
    (out / "artifacts.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
