"""io = "int8": an artifact that takes and gives integers, and how it is called as the original is."""

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from edgewright.bundle.interface import Interface
from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.table import load_target
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RefusedError, RequestError
from edgewright.vocabulary.signature import Affine

CLASSIFIER = """(float[1,3,8,8] image) => (float[1,5] score) {
    image_q = QuantizeLinear(image, image_scale, image_point)
    image_d = DequantizeLinear(image_q, image_scale, image_point)
    pooled = GlobalAveragePool(image_d)
    flat = Flatten(pooled)
    flat_q = QuantizeLinear(flat, image_scale, image_point)
    flat_d = DequantizeLinear(flat_q, image_scale, image_point)
    weight_d = DequantizeLinear(weight, weight_scale, weight_point)
    logits = MatMul(flat_d, weight_d)
    logits_q = QuantizeLinear(logits, logits_scale, logits_point)
    score = DequantizeLinear(logits_q, logits_scale, logits_point)
}"""
WEIGHTS = {
    "image_scale": np.float32(1 / 64),
    "image_point": np.int8(-3),
    "weight": np.arange(-7, 8, dtype=np.int8).reshape(3, 5),
    "weight_scale": np.float32(1 / 16),
    "weight_point": np.int8(0),
    "logits_scale": np.float32(1 / 128),
    "logits_point": np.int8(4),
}


@pytest.fixture
def classifier(hub_of_text):
    return hub_of_text(CLASSIFIER, WEIGHTS)


def test_names_stay_and_the_signature_says_what_the_integers_stand_for(classifier, tmp_path):
    artifact = TFLite().compile(classifier, Options(variant="int8", io="int8"), tmp_path)

    [image], [score] = artifact.signature.inputs, artifact.signature.outputs
    assert (image.name, image.dtype, image.quantization) == ("image", "int8", Affine(scale=1 / 64, zero_point=-3))
    assert (score.name, score.dtype, score.quantization) == ("score", "int8", Affine(scale=1 / 128, zero_point=4))
    assert artifact.narrowed == {"image": "float32 → int8", "score": "float32 → int8"}
    assert not {"QUANTIZE", "DEQUANTIZE"} & artifact.ops.keys()


def test_it_takes_and_gives_int8(classifier, tmp_path):
    TFLite().compile(classifier, Options(variant="int8", io="int8"), tmp_path)
    session = LiteRT().load(tmp_path / "model.tflite", RunOptions())

    outputs = session.run({"image": np.full((1, 3, 8, 8), 5, np.int8)})

    assert outputs["score"].dtype == np.int8


def test_called_as_the_original_it_answers_as_the_artifact_of_float_inputs_does(classifier, tmp_path):
    image = np.random.default_rng(0).uniform(-2, 2, (1, 3, 8, 8)).astype(np.float32)
    answers = []
    for io in ("float", "int8"):
        (folder := tmp_path / io).mkdir()
        artifact = TFLite().compile(classifier, Options(variant="int8", io=io), folder)
        session = LiteRT().load(folder / "model.tflite", RunOptions())
        interface = Interface(original=classifier.signature, artifact=artifact.signature)
        answers.append(interface.run(session, {"image": image})["score"])

    np.testing.assert_array_equal(*answers)


def test_a_model_that_computes_with_floats_is_refused_with_the_names_of_its_nodes(hub_of_text, tmp_path):
    model = hub_of_text(
        CLASSIFIER.replace("logits_q =", "curve = Erf(logits) logits_q =").replace(
            "(logits, logits_s", "(curve, logits_s"
        ),
        WEIGHTS,
    )

    with pytest.raises(RefusedError, match=r"(?s)compute with floats:.*Erf"):
        TFLite().compile(model, Options(variant="int8", io="int8"), tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_model_without_grids_is_refused(convnet, tmp_path):
    with pytest.raises(RefusedError, match="nodes compute with floats"):
        TFLite().compile(convnet, Options(variant="fp32", io="int8"), tmp_path)


def test_another_io_is_an_error(classifier, tmp_path):
    with pytest.raises(RequestError, match="no io 'uint8'"):
        TFLite().compile(classifier, Options(variant="int8", io="uint8"), tmp_path)


def test_the_coverage_says_what_stays_float_and_why(hub_of_text):
    model = hub_of_text(
        CLASSIFIER.replace("logits_q =", "root = Sqrt(logits) logits_q =").replace(
            "(logits, logits_s", "(root, logits_s"
        ),
        WEIGHTS,
    )

    details = {entry.op: entry.detail for entry in TFLite().coverage(model, Options(variant="int8")).nodes}

    assert details["MatMul"].endswith("FULLY_CONNECTED stays float: its result is not quantized")


def test_onnxruntime_keeps_the_dtypes_of_the_source(classifier, tmp_path):
    with pytest.raises(RequestError, match="onnxruntime has no io 'int8'"):
        load_target("onnxruntime").compile(classifier, Options(variant="int8", io="int8"), tmp_path)


INTEGERS = """({dtype}[1,3,8,8] image) => (int8[1,3,8,8] score) {{
    image_d = DequantizeLinear(image, scale, point)
    weight_d = DequantizeLinear(weight, weight_scale)
    both = Conv <pads = [1,1,1,1]> (image_d, weight_d)
    score = QuantizeLinear(both, scale, end_point)
}}"""


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_model_that_takes_and_gives_integers_of_its_own_keeps_them(dtype, hub_of_text, tmp_path):
    draw = np.random.default_rng(0)
    weights = {
        "scale": np.float32(1 / 64),
        "point": np.array(3, dtype),
        "end_point": np.int8(-5),
        "weight": draw.integers(-20, 21, (3, 3, 3, 3)).astype(np.int8),
        "weight_scale": np.float32(1 / 256),
    }
    model = hub_of_text(INTEGERS.format(dtype=dtype), weights)
    artifact = TFLite().compile(model, Options(variant="int8"), tmp_path)
    low = np.iinfo(dtype).min
    image = draw.integers(low, low + 256, (1, 3, 8, 8)).astype(dtype)

    answer = LiteRT().load(tmp_path / "model.tflite", RunOptions()).run({"image": image})["score"]

    assert artifact.ops == {"CONV_2D": 1, "TRANSPOSE": 2} | ({"QUANTIZE": 1} if dtype == "uint8" else {})
    assert artifact.narrowed == {}
    [expected] = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString()).run(
        ["score"], {"image": image}
    )
    assert answer.dtype == np.int8
    assert np.abs(answer.astype(int) - expected).max() <= 1
