"""Calibration data that is wrong, or says little, through the command line, for both targets at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Run = Callable[..., subprocess.CompletedProcess[str]]

PROJECT = """
[model]
source = "odd.onnx"

[data]
calibration = { file = "calibration.npz" }
evaluation = { file = "evaluation.npz" }

[targets.onnxruntime]
recipes = ["static_wi8_ai8"]

[targets.tflite]
recipes = ["static_wi8_ai8"]

[bundle]
name = "odd"
version = "1.0.0"
"""

ARTIFACTS = ("onnxruntime-static_wi8_ai8", "tflite-static_wi8_ai8")
GENERATOR = np.random.default_rng(4)
IMAGES = GENERATOR.standard_normal((32, 3, 8, 8)).astype(np.float32)
CONSTANT_CHANNEL = np.concatenate([np.full_like(IMAGES[:, :1], 0.25), IMAGES[:, 1:]], axis=1)


def odd_model() -> onnx.ModelProto:
    """Two convolutions with a Sin between them, which no scheme knows, and in front of a Softmax a mask of −∞."""
    weights = {
        "a": GENERATOR.standard_normal((8, 3, 3, 3)).astype(np.float32) / 3,
        "b": GENERATOR.standard_normal((8, 8, 3, 3)).astype(np.float32) / 5,
        "mask": np.array([0, 0, 0, -np.inf] * 2, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["c"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Sin", ["c"], ["s"], name="wave"),
        helper.make_node("Conv", ["s", "b"], ["d"], name="second"),
        helper.make_node("Relu", ["d"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Add", ["f", "mask"], ["masked"], name="hide"),
        helper.make_node("Softmax", ["masked"], ["score"], name="softmax"),
    ]
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 8])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odd") / "odd.onnx"
    onnx.save(odd_model(), path)
    return path


@pytest.fixture
def build(tmp_path: Path, model: Path, edgewright: Run) -> Callable[..., Any]:
    """Build the model with these arrays to calibrate on; gives what the command printed as JSON."""

    def run(evaluation: np.ndarray = IMAGES, gates: str = "", **calibration: np.ndarray) -> Any:
        (tmp_path / "odd.onnx").write_bytes(model.read_bytes())
        (tmp_path / "edgewright.toml").write_text(PROJECT + gates)
        np.savez(tmp_path / "calibration.npz", **calibration)
        np.savez(tmp_path / "evaluation.npz", image=evaluation)
        done = edgewright("build", "-C", tmp_path, "-o", tmp_path / "out", "--json")
        assert "Traceback" not in done.stderr
        found = json.loads(done.stdout)
        assert found["exit_code"] == done.returncode
        assert (found["bundle"] is None) == (done.returncode != 0)
        assert (tmp_path / "out" / "bundle").exists() == (done.returncode == 0)
        return found

    return run


def entries(found: Any) -> dict[str, Any]:
    return {entry["artifact"]: entry for entry in found["report"]["entries"]}


def with_value(value: float) -> np.ndarray:
    rows = IMAGES.copy()
    rows[7, 1, 2, 3] = value
    return rows


def test_a_constant_channel_a_mask_and_an_operator_without_integers_are_no_reason(build: Callable[..., Any]) -> None:
    found = build(evaluation=CONSTANT_CHANNEL, image=CONSTANT_CHANNEL)

    assert found["exit_code"] == 0
    by_name = entries(found)
    for name in ARTIFACTS:
        assert by_name[name]["verdict"] == "pass"
        assert by_name[name]["parity"]["outputs"]["score"]["cosine"] > 0.999
        told = {note["where"]: note["text"] for note in by_name[name]["notes"]}
        assert told.get("hide", told.get("softmax", "")).startswith("kept float: ")
        assert "1 Sin" in told["the model"].removeprefix("kept float, since the scheme has no rule for them: ").split(
            ", "
        )
    ops = {node["node"]: node for node in by_name["tflite-static_wi8_ai8"]["coverage"]["nodes"]}
    assert ops["wave"]["detail"] == "SIN; SIN stays float: the runtime has no SIN of integers on a grid"


def test_one_row_is_enough_to_build(build: Callable[..., Any]) -> None:
    found = build(evaluation=IMAGES[:1], image=IMAGES[:1])

    assert found["exit_code"] == 0
    assert {entries(found)[name]["verdict"] for name in ARTIFACTS} == {"pass"}


def test_rows_of_zeros_make_artifacts_that_the_gates_refuse(build: Callable[..., Any]) -> None:
    found = build(image=np.zeros_like(IMAGES), gates='[gates]\nmin_cosine = "0.9999 abs"\n')

    assert found["exit_code"] == 1
    for name in ARTIFACTS:
        assert entries(found)[name]["verdict"] == "fail"
        assert any(reason.startswith("min_cosine: output score has ") for reason in entries(found)[name]["reasons"])


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ({"image": with_value(np.nan)}, "input 'image' holds NaN or infinity, first in row 7"),
        ({"image": with_value(-np.inf)}, "input 'image' holds NaN or infinity, first in row 7"),
        ({"picture": IMAGES, "label": IMAGES[:, 0, 0, 0]}, "no array for input 'image'; it holds picture, label"),
        ({"image": IMAGES[:0]}, "there are no rows in it"),
    ],
    ids=["nan", "infinity", "the wrong name", "no rows"],
)
def test_rows_that_cannot_be_calibrated_on_are_told_for_both_targets(
    build: Callable[..., Any], calibration: dict[str, np.ndarray], message: str
) -> None:
    found = build(**calibration)

    assert found["exit_code"] == 2
    by_name = entries(found)
    assert by_name["reference"]["verdict"] == "pass"
    for name in ARTIFACTS:
        assert by_name[name]["verdict"] == "not-run"
        assert by_name[name]["reasons"] == [f"calibration.npz: {message}"]
    assert {problem["message"] for problem in found["problems"]} == {f"calibration.npz: {message}"}
    assert all(problem["hint"] for problem in found["problems"])
