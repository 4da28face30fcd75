"""Quantizes an ONNX file with onnxruntime.quantization. Runs in the environment `onnxruntime`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

STATIC = {
    "static": {},
    "static per channel": {"per_channel": True},
    "static u8 per channel": {"per_channel": True, "activation_type": QuantType.QUInt8},
    "static Conv MatMul Gemm": {"op_types_to_quantize": ["Conv", "MatMul", "Gemm"]},
}
"""Setting → what `quantize_static` is told beside its defaults: Q/DQ, s8s8, one scale, min-max, all operators."""


class Rows(CalibrationDataReader):
    """One row a call."""

    def __init__(self, name: str, rows: np.ndarray) -> None:
        self._rows: Iterator[dict[str, np.ndarray]] = iter([{name: row[None]} for row in rows])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next row, None behind the last."""
        return next(self._rows, None)


def main() -> None:
    """`with_onnxruntime.py SETTING SOURCE DATA OUT`."""
    setting, source, data, out = sys.argv[1], *(Path(argument) for argument in sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(source, prepared)
        if setting == "dynamic":
            quantize_dynamic(prepared, out)
            return
        name = onnx.load(prepared).graph.input[0].name
        with np.load(data, allow_pickle=False) as arrays:
            rows = Rows(name, arrays["calibration"])
        quantize_static(prepared, out, rows, **STATIC[setting])


if __name__ == "__main__":
    main()
