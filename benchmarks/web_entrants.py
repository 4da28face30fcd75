"""Which artifacts of a model run in the browser, with which engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = {"tfjs": "tfjs", "tflite": "litertjs", "onnxruntime": "onnxruntime-web"}
"""Target → the engine that opens its artifacts."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One artifact in one engine."""

    key: str
    """`litertjs int8`"""
    engine: str
    backends: tuple[str, ...]
    folder: str
    files: tuple[str, ...]
    rows: tuple[dict[str, dict[str, Any]], ...]

    def asked(self, backend: str, rows: int) -> dict[str, Any]:
        """What `web/race.js` wants to know of it."""
        return {
            "engine": self.engine,
            "backend": backend,
            "folder": self.folder,
            "files": list(self.files),
            "rows": list(self.rows[:rows]),
        }


def entrants(model: str, results: Path) -> list[Entrant]:
    """All that there are of a model; those of the official converter are named after it."""
    out = results / "artifacts" / model
    made = json.loads((out / "artifacts.json").read_text("utf-8"))
    found = []
    for name, artifact in made.items():
        target, recipe = name.split(".")
        if "refused" in artifact:
            continue
        backends = ("wasm", "webgl", "webgpu", "cpu") if (target, recipe) == ("tfjs", "fp32") else ("wasm",)
        found.append(
            Entrant(
                key=f"{ENGINES[target]} {recipe}",
                engine=ENGINES[target],
                backends=backends,
                folder=f"/results/artifacts/{model}/{name}",
                files=tuple(artifact["files"]),
                rows=rows_of(model, artifact["inputs"], results),
            )
        )
    for graph in sorted((results / "tfjs").glob("tensorflowjs.*")) if model == "mobilenet_v2_keras" else ():
        found.append(
            Entrant(
                key=f"tfjs {graph.name.partition('.')[2]} (official)",
                engine="tfjs",
                backends=("wasm",),
                folder=f"/results/tfjs/{graph.name}",
                files=("model.json", *sorted(path.name for path in graph.glob("*.bin"))),
                rows=rows_of(model, {"image": "float32"}, results),
            )
        )
    return found


def rows_of(model: str, inputs: dict[str, str], results: Path) -> tuple[dict[str, dict[str, Any]], ...]:
    """The rows of a model with one input, in the dtype that an artifact takes."""
    ((name, dtype),) = inputs.items()
    with np.load(results / f"rows/{model}.npz") as arrays:
        shape, count = [int(size) for size in arrays["shape"]], len(arrays["references"])
    return tuple(
        {name: {"url": f"/results/rows/{model}.{index}.{dtype}.bin", "dtype": dtype, "shape": shape}}
        for index in range(count)
    )
