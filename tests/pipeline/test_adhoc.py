from pathlib import Path

import pytest

from edgewright.pipeline.adhoc import bundle_name, model_section, project_for, selection_of
from edgewright.pipeline.config import TargetSection
from edgewright.vocabulary.errors import RequestError
from edgewright.vocabulary.signature import TensorDeclaration

UNLABELLED = selection_of("test.npz", rows=None, option="--rows")
LABELLED = selection_of("test.npz", rows="0:10", labels="label", option="--rows")


def project(**changes):
    values = {
        "targets": ("tflite",),
        "evaluation": None,
        "metric": None,
        "recipes": ("fp32",),
        "signing_key": None,
        "folder": Path("here"),
    }
    return project_for(model_section("nets/MobileNet v2.onnx"), **(values | changes))


def test_every_target_is_built_by_every_recipe():
    made = project(targets=("onnxruntime", "tflite"), recipes=("fp32", "fp16"))
    section = TargetSection(recipes=("fp32", "fp16"))
    assert made.targets == {"onnxruntime": section, "tflite": section}
    assert made.recipes == {"fp32": (), "fp16": ("float16",)}
    assert (made.bundle.name, made.bundle.version, made.folder) == ("mobilenet-v2", "0.0.0", Path("here"))


def test_without_data_there_is_no_metric():
    made = project()
    assert (made.data.evaluation, made.metric) == (None, None)


def test_a_metric_takes_its_labels():
    made = project(evaluation=LABELLED, metric="top1")
    assert (made.metric.name, made.data.evaluation.labels, made.data.evaluation.rows) == ("top1", "label", "0:10")


def test_a_metric_against_the_original_needs_no_labels():
    assert project(evaluation=UNLABELLED, metric="cosine").metric.name == "cosine"


def test_data_may_come_from_a_function():
    selection = selection_of("loader.py:rows", rows=None, option="--rows")
    assert (selection.file, selection.function) == (None, "loader.py:rows")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": ()}, "no target is named"),
        ({"recipes": ("int8",)}, "there is no recipe named 'int8' without a project file"),
        ({"evaluation": LABELLED}, "labels are named, but no metric that would take them"),
        ({"metric": "top1"}, "metric 'top1' needs evaluation data"),
        (
            {"metric": "top1", "evaluation": UNLABELLED},
            "metric 'top1' needs labels",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_say(changes, message):
    with pytest.raises(RequestError, match=message) as refused:
        project(**changes)
    assert refused.value.hint


def test_rows_have_a_form():
    with pytest.raises(RequestError, match="--calibration-rows: expected rows as"):
        selection_of("test.npz", rows="ten", option="--calibration-rows")


def test_a_recipe_is_the_name_of_a_precision():
    made = project(recipes=("static_wi8_ai8",), calibration=selection_of("a.npz", rows=None, option="--rows"))
    assert made.recipes == {"static_wi8_ai8": ({"quantize": {"precision": "static_wi8_ai8"}},)}
    assert made.data.calibration.file == "a.npz"


def test_rows_do_not_judge_what_they_calibrated():
    with pytest.raises(RequestError, match="the command line: calibration rows are among the evaluation rows"):
        project(evaluation=UNLABELLED, calibration=LABELLED)


def test_a_model_is_said_with_its_inputs_and_dimensions():
    section = model_section(
        "net.py:load", args=["w.pt"], inputs=["x=float32[batch, 3]", "n=int64[]"], outputs=["y"], dims=["batch=4"]
    )
    assert section.inputs == {
        "x": TensorDeclaration(dtype="float32", shape=("batch", 3)),
        "n": TensorDeclaration(dtype="int64", shape=()),
    }
    assert (section.args, list(section.outputs), section.dims) == (("w.pt",), ["y"], {"batch": 4})


@pytest.mark.parametrize("text", ["x", "x=float[1]", "x=float32", "=float32[1]"])
def test_an_input_that_is_said_wrongly_is_refused(text):
    with pytest.raises(RequestError, match="--input: expected NAME="):
        model_section("net.py:load", inputs=[text])


@pytest.mark.parametrize("text", ["batch", "batch=0", "batch=-1", "=1", "batch=x"])
def test_a_dimension_that_is_said_wrongly_is_refused(text):
    with pytest.raises(RequestError, match="--dim: expected NAME=SIZE"):
        model_section("model.onnx", dims=[text])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("model.onnx", "model"),
        ("nets/Net V2.1.pt2", "net-v2.1"),
        ("nets/ds_cnn.py:load", "ds_cnn"),
        ("package.module:load", "package"),
        ("…….onnx", "model"),
    ],
)
def test_a_bundle_is_named_after_its_model(source, name):
    assert bundle_name(source) == name
