"""Quantizes a TFLite file with ai-edge-quantizer. Runs in the environment `ai-edge-quantizer`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import TFLOperationName

RECIPES = {"static": recipe.static_wi8_ai8, "dynamic": recipe.dynamic_wi8_afp32}


def main() -> None:
    """`with_ai_edge_quantizer.py SETTING SOURCE DATA OUT`."""
    setting, source, data, out = sys.argv[1:]
    ((signature, names),) = Interpreter(model_path=source).get_signature_list().items()
    (name,) = names["inputs"]
    work = quantizer.Quantizer(source, RECIPES[setting]())
    for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):  # float, as everyone's
        work.update_quantization_recipe(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    ranges = None
    if work.need_calibration:
        with np.load(data, allow_pickle=False) as arrays:
            ranges = work.calibrate({signature: [{name: row[None]} for row in arrays["calibration"]]})
    work.quantize(ranges).export_model(Path(out), overwrite=True)


if __name__ == "__main__":
    main()
