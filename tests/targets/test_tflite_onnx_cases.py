"""ONNX's own operator cases: each is computed as ONNX says, or refused with a reason before anything is written.

The cases run in a process of their own, since a kernel that aborts would end the tests; run by hand, this file prints
one line a case: `python tests/targets/test_tflite_onnx_cases.py`.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from edgewright.compiler.model import Model, Source
from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RequestError
from edgewright.vocabulary.signature import Signature, TensorSpec

LEAST_PASSED = 1100
"""Of about 1,500; the others are refused."""

ELEMENTS = {
    getattr(onnx.TensorProto, name)
    for name in ("FLOAT", "BOOL", *(f"{kind}INT{bits}" for kind in ("", "U") for bits in (8, 16, 32, 64)))
}


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


def run_case(case):
    """Give `pass`, or `refused`, `wrong`, `crash` with what was wrong.

    Operators want many of their inputs constant (pads, axes, weights), which the cases never are; a case that is
    refused is tried again with all inputs constant but the first.
    """
    inputs, expected = case.data_sets[0]
    result = attempt(case.model, inputs, expected, constants=0)
    if result.startswith("refused") and len(inputs) > 1:
        result = attempt(case.model, inputs, expected, constants=len(inputs) - 1)
    return result


def attempt(proto, inputs, expected, constants):
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    infos = list(model.graph.input)
    feeds = dict(zip((info.name for info in infos), map(np.asarray, inputs), strict=False))
    for info in infos[len(infos) - constants :]:
        model.graph.initializer.append(onnx.numpy_helper.from_array(feeds.pop(info.name), info.name))
        model.graph.input.remove(info)
    outputs = dict(zip((info.name for info in model.graph.output), map(np.asarray, expected), strict=True))
    hub = Model(
        ir=ir.from_proto(model),
        signature=Signature(inputs=specs(feeds), outputs=specs(outputs)),
        source=Source(reference="case", framework="onnx", digest="0" * 64, tools={}),
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            TFLite().compile(hub, Options(variant="fp32"), Path(folder))
        except RequestError as refusal:
            return f"refused: {refusal}"
        got = LiteRT().load(Path(folder) / "model.tflite", RunOptions()).run(feeds)
    for name, array in outputs.items():
        if (got[name].shape, got[name].dtype) != (array.shape, array.dtype):
            return f"wrong: {name} is {got[name].dtype}{got[name].shape}, not {array.dtype}{array.shape}"
        # ONNX states its cases to three digits and more; what is wrong is wrong by far more.
        if not np.allclose(got[name].astype(np.float64), array.astype(np.float64), 1e-3, 1e-4, equal_nan=True):
            return f"wrong: {name} is {got[name].ravel()[:8]}, not {array.ravel()[:8]}"
    return "pass"


def specs(arrays):
    return tuple(TensorSpec(name=name, dtype=str(array.dtype), shape=array.shape) for name, array in arrays.items())


def is_plain(case):
    """Whether a case has tensors of floats, integers and booleans alone, and is no training."""
    infos = (*case.model.graph.input, *case.model.graph.output)
    return all(
        info.type.HasField("tensor_type") and info.type.tensor_type.elem_type in ELEMENTS for info in infos
    ) and not any("training" in entry.domain for entry in case.model.opset_import)


def main(start):
    from onnx.backend.test.case.node import collect_testcases

    warnings.simplefilter("ignore")  # making the cases divides by zero on purpose
    cases = sorted((case for case in collect_testcases(None) if is_plain(case)), key=lambda case: case.name)
    for case in cases[start:]:
        try:
            result = run_case(case)
        except Exception as error:  # noqa: BLE001 - whatever a case raises is its result
            result = f"crash: {error!r}"
        print(json.dumps([case.name, result]), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
