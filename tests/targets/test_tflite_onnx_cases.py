"""ONNX's operator cases with constants for all inputs but the first, as trained models have them.

The suite of conformance takes the cases as they stand and looks at constants only where that is refused; many operators
are said in another way when their weights, axes and sizes are known. The cases go past the importer, straight to the
target, in a process of their own, since a kernel that aborts would end the tests.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx_ir as ir

from edgewright.compiler.model import Model, Source
from edgewright.conformance.cases import cases
from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RequestError
from edgewright.vocabulary.signature import Signature, TensorSpec

LEAST_PASSED = 1090
"""Of 1,123 that have more inputs than one; the others are refused."""


def test_every_case_is_right_or_refused():
    results = {}
    while True:
        child = subprocess.run(
            [sys.executable, __file__, str(len(results))], capture_output=True, text=True, timeout=600
        )
        results |= dict(json.loads(line) for line in child.stdout.splitlines())
        if child.returncode == 0:
            break
        results[f"after {list(results)[-1]}"] = f"abort: {child.stderr[-500:]}"
    bad = {name: result for name, result in results.items() if result.split(":")[0] not in ("pass", "refused")}
    assert bad == {}
    assert Counter(result.split(":")[0] for result in results.values())["pass"] >= LEAST_PASSED


def judge(case):
    """Give `pass`, or `refused` or `wrong` with what was wrong."""
    hub = Model(
        ir=ir.from_proto(case.model),
        signature=Signature(inputs=specs(case.inputs), outputs=specs(case.outputs)),
        source=Source(reference="case", framework="onnx", digest="0" * 64, tools={}),
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            TFLite().compile(hub, Options(variant="fp32"), Path(folder))
        except RequestError as refusal:
            return f"refused: {refusal}"
        got = LiteRT().load(Path(folder) / "model.tflite", RunOptions()).run(case.inputs)
    for name, array in case.outputs.items():
        if (got[name].shape, got[name].dtype) != (array.shape, array.dtype):
            return f"wrong: {name} is {got[name].dtype}{got[name].shape}, not {array.dtype}{array.shape}"
        # ONNX states its cases to three digits and more; what is wrong is wrong by far more.
        if not np.allclose(got[name].astype(np.float64), array.astype(np.float64), 1e-3, 1e-4, equal_nan=True):
            return f"wrong: {name} is {got[name].ravel()[:8]}, not {array.ravel()[:8]}"
    return "pass"


def specs(arrays):
    return tuple(TensorSpec(name=name, dtype=str(array.dtype), shape=array.shape) for name, array in arrays.items())


def main(start):
    fixed = [case.with_inputs_fixed() for case in cases().values() if case.is_plain]
    for case in [case for case in fixed if case is not None][start:]:
        try:
            result = judge(case)
        except Exception as error:  # noqa: BLE001 - whatever a case raises is its result
            result = f"crash: {error!r}"
        print(json.dumps([case.name, result]), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
