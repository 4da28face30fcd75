"""Quantizes an ONNX file with NNCF. Runs in the environment `nncf`."""

from __future__ import annotations

import sys
from pathlib import Path

import nncf
import numpy as np
import onnx

SETTINGS = {"static": {}, "static transformer": {"model_type": nncf.ModelType.TRANSFORMER}}
"""Setting → what `nncf.quantize` is told beside its defaults (fast bias correction, up to 300 rows)."""


def main() -> None:
    """`with_nncf.py SETTING SOURCE DATA OUT`."""
    setting, source, data, out = sys.argv[1], *(Path(argument) for argument in sys.argv[2:])
    model = onnx.load(source)
    name = model.graph.input[0].name
    with np.load(data, allow_pickle=False) as arrays:
        rows = nncf.Dataset([{name: row[None]} for row in arrays["calibration"]])
    onnx.save(nncf.quantize(model, rows, **SETTINGS[setting]), out)


if __name__ == "__main__":
    main()
