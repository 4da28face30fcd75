"""A model that arrives with Q/DQ: it keeps its scales, and is judged as a quantized model is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from edgewright.profiles.report import Report, Verdict

Run = Callable[..., subprocess.CompletedProcess[str]]


class Rows(CalibrationDataReader):
    def __init__(self, rows: np.ndarray) -> None:
        self._rows = iter(rows)

    def get_next(self) -> dict[str, np.ndarray] | None:
        row = next(self._rows, None)
        return None if row is None else {"image": row[np.newaxis]}


def test_it_is_built_for_every_target_in_the_integers_that_it_came_with(project: Path, edgewright: Run) -> None:
    rows = np.load(project / "tiny.npz")["image"]
    float_model = project / "tiny.onnx"
    quantize_static(
        float_model,
        project / "quantized.onnx",
        Rows(rows[:8]),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    scales = {
        float(onnx.numpy_helper.to_array(tensor))
        for tensor in onnx.load(project / "quantized.onnx").graph.initializer
        if tensor.name.startswith("image") and tensor.name.endswith("scale")
    }
    np.savez(project / "rows.npz", image=rows)

    targets = ["-t", "tflite", "-t", "onnxruntime"]
    done = edgewright(
        "build",
        project / "quantized.onnx",
        *targets,
        "--evaluation",
        project / "rows.npz",
        "-o",
        project / "out",
        "--json",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    report = Report.decode((project / "out" / "report.json").read_bytes())
    assert {entry.precision for entry in report.entries} == {"static_wi8_ai8"}
    assert {entry.verdict for entry in report.entries} == {Verdict.PASS}
    result = json.loads(done.stdout)
    folder = Path(result["bundle"]) / "content" / "artifacts" / "tflite-fp32"
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"))
    own = {round(detail["quantization"][0], 7) for detail in interpreter.get_tensor_details()}
    assert {round(scale, 7) for scale in scales} <= own
