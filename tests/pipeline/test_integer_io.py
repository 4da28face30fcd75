"""io = "int8" in a build: the integer variant takes integers, and is compared as the original is called."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]

TARGETS = """
[targets.tflite]
recipes = ["fp32", "static_wi8_ai8"]
io = "int8"
"""


def with_targets(project: Path, text: str) -> None:
    file = project / "edgewright.toml"
    before, _, after = file.read_text().partition("[targets.onnxruntime]")
    file.write_text(before + text + after[after.index("[gates]") :].replace('max_drop = "1.0 pp"', ""))


def test_the_integer_variant_takes_integers_and_its_parity_is_that_of_floats(project: Path, edgewright: Run) -> None:
    with_targets(project, TARGETS)

    done = edgewright("build", "--project", project, "--out", project / "out", "--json")

    assert done.returncode == 0, done.stderr
    manifest = json.loads((project / "out" / "bundle" / "content" / "manifest.json").read_bytes())
    artifacts = {entry["variant"]: entry for entry in manifest["artifacts"] if entry["target"] == "tflite"}
    [image] = artifacts["static_wi8_ai8"]["signature"]["inputs"]
    assert (image["dtype"], sorted(image["quantization"])) == ("int8", ["scale", "zero_point"])
    assert artifacts["static_wi8_ai8"]["narrowed"] == {"image": "float32 → int8", "score": "float32 → int8"}
    assert artifacts["fp32"]["signature"]["inputs"][0]["dtype"] == "float32"
    report = json.loads((project / "out" / "bundle" / "evidence" / "report.json").read_bytes())
    [entry] = [entry for entry in report["entries"] if entry["artifact"] == "tflite-static_wi8_ai8"]
    assert entry["parity"]["outputs"]["score"]["cosine"] > 0.99
