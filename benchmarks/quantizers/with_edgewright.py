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
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.informed import InformedPass
from edgewright.compiler.quantize.moments import second_moments
from edgewright.compiler.recipe import Recipe, apply, parse
from edgewright.targets.base import Options
from edgewright.targets.table import load_target

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
    target, recipe = load_target(name), parse(RECIPES[kind], where="benchmark")
    model = CLEANUP(import_model(Request(reference=source.name, folder=source.parent)).model)
    with np.load(data, allow_pickle=False) as arrays:
        rows = {model.signature.inputs[0].name: arrays["calibration"]}
    for step, item in zip(recipe.steps, recipe.passes, strict=True):  # each looks at what the one before it made
        informed = isinstance(item, InformedPass)
        ranges = calibrate(model, rows) if informed and item.needs_ranges else None
        moments = dict(second_moments(model, rows)) if informed and item.needs_moments else None
        one = Recipe(steps=(step,), passes=(item,))
        model = apply(model, one, ranges=ranges, moments=moments, schemes=target.schemes())
    with tempfile.TemporaryDirectory() as folder:
        artifact = target.compile(model, Options(variant="benchmark"), Path(folder))
        shutil.copy(Path(folder) / artifact.files[0].path, out)


if __name__ == "__main__":
    main()
