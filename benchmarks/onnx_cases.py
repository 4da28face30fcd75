"""What the tflite target makes of ONNX's own operator cases: right, refused, failed or wrong.

Every case of `onnx.backend.test.case.node` without strings, sequences, optionals and training is imported, compiled,
run in LiteRT and compared with the expected outputs. A case that is refused as it stands (a shape or axis comes as an
input) is tried once more with every input but the first made a constant. Cases run in workers of their own, so that one
that takes its process down is a result like any other. Prints counts; writes `results/onnx_cases.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RequestError

RTOL, ATOL = 1e-3, 1e-4
OUTSIDE = ("ai.onnx.preview.training",)


def cases() -> dict[str, Any]:
    """The cases by name, in one order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference functions of the cases divide by zero on purpose
        found = {case.name: case for case in collect_testcases(None)}
    return {name: found[name] for name in sorted(found) if _is_plain(found[name])}


def _is_plain(case: Any) -> bool:
    graph = case.model.graph
    plain = all(
        value.type.WhichOneof("value") == "tensor_type" and value.type.tensor_type.elem_type != onnx.TensorProto.STRING
        for value in (*graph.input, *graph.output)
    )
    return plain and not any(node.domain in OUTSIDE for node in graph.node)


def judge(case: Any) -> tuple[str, str]:
    """Give the verdict on a case, and its reason."""
    try:
        return _run(case.model, case.data_sets)
    except RequestError as refusal:
        reason = str(refusal)
    if len(case.model.graph.input) < 2:
        return "refused", reason
    fixed, data_sets = _with_constants(case)
    try:
        verdict, detail = _run(fixed, data_sets)
    except RequestError as refusal:
        return "refused", str(refusal)
    return f"{verdict}, inputs fixed", detail


def _run(model: onnx.ModelProto, data_sets: Any) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        onnx.save(model, folder / "model.onnx")
        (folder / "out").mkdir()
        try:
            hub = CLEANUP(import_model(Request(reference="model.onnx", folder=folder)).model)
            artifact = TFLite().compile(hub, Options(variant="fp32"), folder / "out")
            session = LiteRT().load(folder / "out" / artifact.files[0].path, RunOptions())
        except RequestError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever else comes is a finding
            return "failed", f"{type(error).__name__}: {error}"
        for inputs, expected in data_sets:
            names = [value.name for value in model.graph.input]
            try:
                got = session.run({name: _array(value) for name, value in zip(names, inputs, strict=True)})
            except Exception as error:  # noqa: BLE001 - as above
                return "failed", f"run: {type(error).__name__}: {error}"
            for value, wanted in zip(model.graph.output, expected, strict=True):
                gap = _gap(got[value.name], _array(wanted))
                if gap:
                    return "wrong", f"{value.name}: {gap}"
    return "pass", ""


def _array(value: Any) -> Any:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _gap(got: Any, wanted: Any) -> str:
    if got.shape != wanted.shape:
        return f"shape {got.shape} for {wanted.shape}"
    if got.dtype != wanted.dtype:
        return f"dtype {got.dtype} for {wanted.dtype}"
    left, right = got.astype(np.float64), wanted.astype(np.float64)
    if not np.allclose(left, right, rtol=RTOL, atol=ATOL, equal_nan=True):
        return f"differs by {np.abs(left - right).max()}"
    return ""


def _with_constants(case: Any) -> tuple[onnx.ModelProto, Any]:
    """The case with its first input alone left open; it keeps the first data set, whose values the constants take."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    inputs, outputs = case.data_sets[0]
    for value, array in zip(model.graph.input[1:], inputs[1:], strict=True):
        model.graph.initializer.append(onnx.numpy_helper.from_array(_array(array), value.name))
    del model.graph.input[1:]
    return model, [(inputs[:1], outputs)]


def work(start: int) -> None:
    """Judge cases from the `start`-th on, a line of JSON each; flushed, so that a crash loses none."""
    for index, (name, case) in enumerate(cases().items()):
        if index >= start:
            print(json.dumps([index, name, "crashed", ""]), flush=True)  # stands when nothing follows it
            print(json.dumps([index, name, *judge(case)]), flush=True)


def main() -> None:
    """Run workers until the last case is done, and count."""
    total = len(cases())
    found: dict[str, list[str]] = {}
    start = 0
    while start < total:
        command = [sys.executable, __file__, "--from", str(start)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        if not lines:
            sys.exit(f"the worker says nothing: {' '.join(command)}")
        for index, name, verdict, detail in lines:
            found[name] = [verdict, detail]
            start = index + 1
    path = Path(__file__).parent / "results/onnx_cases.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    for verdict, count in Counter(verdict for verdict, _ in found.values()).most_common():
        print(f"{count:5} {verdict}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--from"]:
        work(int(sys.argv[2]))
    else:
        main()
