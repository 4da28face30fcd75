"""`edgewright inspect --sensitivity`: which nodes lose the most, and why."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture(scope="module")
def outliers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers; one channel between them is ten thousand times as large as the others."""
    folder = tmp_path_factory.mktemp("outliers")
    generator = np.random.default_rng(5)
    first, second = (generator.standard_normal((16, 16)).astype(np.float32) for _ in range(2))
    first[:, 7] *= 1e4
    second[7] /= 1e4
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "a"], ["h"], name="first"),
            helper.make_node("MatMul", ["h", "b"], ["y"], name="second"),
        ],
        "outliers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(first, "a"), numpy_helper.from_array(second, "b")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "model.onnx"
    )
    np.savez(folder / "data.npz", x=generator.standard_normal((40, 16)).astype(np.float32))
    return folder


Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_nodes_are_ranked_with_the_reason(edgewright_process: Run, outliers: Path) -> None:
    model, data = outliers / "model.onnx", outliers / "data.npz"
    done = edgewright_process(
        "inspect", str(model), "-t", "tflite", "--sensitivity", "--calibration", str(data), "--json"
    )

    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["sensitivity"]
    assert (found["target"], found["precision"]) == ("tflite", "static_wi8_ai8")
    ranked = {node["node"]: node for node in found["ranking"]}
    told = {note["where"]: note["text"] for note in found["notes"]}
    for name in ("first", "second"):  # ranked low, or kept float for what it would lose
        assert ranked[name]["snr_db"] < 10 if name in ranked else "kept float" in told[name]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--sensitivity goes with --calibration"),
        (["--calibration", "data.npz", "--precision", "fp16"], "there is no precision of integers named 'fp16'"),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    edgewright_process: Run, outliers: Path, options: list[str], message: str
) -> None:
    done = edgewright_process("inspect", str(outliers / "model.onnx"), "-t", "tflite", "--sensitivity", *options)
    assert done.returncode == 2
    assert message in done.stderr
