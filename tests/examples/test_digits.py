"""The demo's model and data are what its README says."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from edgewright.pipeline.config import load_project

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def rows():
    with np.load(DIGITS / "digits.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_the_rows_are_images_of_ink_counts_with_their_labels(rows):
    assert rows["image"].dtype == np.float32
    assert rows["image"].shape == (600, 1, 8, 8)
    assert (rows["image"].min(), rows["image"].max()) == (0, 16)
    assert rows["label"].dtype == np.int64
    assert np.bincount(rows["label"][100:]).min() >= 45


def test_no_image_is_in_both_parts(rows):
    images = rows["image"].reshape(600, 64)
    assert not {image.tobytes() for image in images[:100]} & {image.tobytes() for image in images[100:]}


def test_the_model_reads_496_of_the_500_evaluation_images(rows):
    session = onnxruntime.InferenceSession(DIGITS / "digits.onnx", providers=["CPUExecutionProvider"])
    (probability,) = session.run(["probability"], {"image": rows["image"][100:]})
    assert int((probability.argmax(axis=1) == rows["label"][100:]).sum()) == 496


def test_the_model_has_a_free_batch_and_one_file():
    model = onnx.load(DIGITS / "digits.onnx", load_external_data=False)
    (image,) = model.graph.input
    assert [dim.dim_param or dim.dim_value for dim in image.type.tensor_type.shape.dim] == ["batch", 1, 8, 8]
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_the_rows_that_calibrate_do_not_judge():
    data = load_project(DIGITS).data
    assert (data.calibration.rows, data.evaluation.rows) == ("0:100", "100:600")


def test_every_target_is_asked_for_integers_beside_floats():
    project = load_project(DIGITS)
    assert project.recipes["int8"] == ({"quantize": {"precision": "static_wi8_ai8"}},)
    assert {name: target.recipes for name, target in project.targets.items()} == {
        "onnxruntime": ("fp32", "int8"),
        "tflite": ("fp32", "fp16", "int8"),
    }
