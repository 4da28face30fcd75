"""Compiles an ONNX file with edgewright, by the steps of `edgewright build`, in one process."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.targets.base import Options
from edgewright.targets.table import load_target

sys.path.insert(0, str(Path(__file__).parents[1]))
from variant import variant

STATIC, DYNAMIC = {"precision": "static_wi8_ai8"}, {"precision": "dynamic_wi8_afp32"}
RECIPES: dict[str, list[object]] = {
    "fp32": [],
    "static": [{"quantize": STATIC}],
    "static smooth": ["smooth_quant", {"quantize": STATIC}],
    "dynamic": [{"quantize": DYNAMIC}],
    "dynamic smooth": ["smooth_quant", {"quantize": DYNAMIC}],
}


def main() -> None:
    """`with_edgewright.py "TARGET RECIPE" SOURCE DATA OUT`."""
    setting, source, data, out = sys.argv[1], *(Path(argument) for argument in sys.argv[2:])
    name, _, kind = setting.partition(" ")
    target = load_target(name)
    source_model = CLEANUP(import_model(Request(reference=source.name, folder=source.parent)).model)
    with np.load(data, allow_pickle=False) as arrays:
        rows = {source_model.signature.inputs[0].name: arrays["calibration"]}
    model = variant(source_model, RECIPES[kind], target, rows)
    with tempfile.TemporaryDirectory() as folder:
        artifact = target.compile(model, Options(variant="benchmark"), Path(folder))
        shutil.copy(Path(folder) / artifact.files[0].path, out)


if __name__ == "__main__":
    main()
