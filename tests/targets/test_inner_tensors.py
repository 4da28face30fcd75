"""What an artifact shows of its inside is what the hub computes under that name."""

import shutil

import numpy as np
import onnx
import pytest

from edgewright.targets.base import Options, Transparent
from edgewright.targets.onnxruntime.runtime import OnnxRuntime as OnnxRuntimeRuntime
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.targets.runtime import InspectableRuntime, RunOptions
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RequestError

IMAGE = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
OPTIONS = Options(variant="fp32")
PAIRS = {"tflite": (TFLite(), LiteRT()), "onnxruntime": (OnnxRuntime(), OnnxRuntimeRuntime())}


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]


def compiled(target, model, folder, **options):
    return folder / target.compile(model, Options(variant="fp32", **options), folder).files[0].path


def test_the_built_in_targets_and_their_runtimes_are_transparent(pair):
    assert isinstance(pair[0], Transparent)
    assert isinstance(pair[1], InspectableRuntime)


def test_a_shown_tensor_is_the_hubs_of_that_name(pair, convnet, tmp_path, shown_tensors):
    target, runtime = pair
    shown = shown_tensors(target, runtime, convnet, compiled(target, convnet, tmp_path), {"image": IMAGE})
    for name, (expected, got) in shown.items():
        np.testing.assert_allclose(got, expected, atol=1e-5, err_msg=name)


def test_what_fusing_leaves_is_shown(pair, convnet, tmp_path):
    target, _ = pair
    inner = target.inner_tensors(convnet, OPTIONS, compiled(target, convnet, tmp_path))
    assert {"r1", "r2", "logits", "probability"} <= set(inner)
    assert "c1" not in inner, "it is fused with the Relu behind it"


def test_a_tensor_of_a_channels_last_graph_says_its_order(convnet, tmp_path):
    inner = TFLite().inner_tensors(convnet, OPTIONS, compiled(TFLite(), convnet, tmp_path))
    assert inner["r1"].permutation == (0, 2, 3, 1)
    assert inner["logits"].permutation is None


def test_what_a_scale_was_folded_ahead_of_is_not_shown(hub_of_text, tmp_path):
    """The product of q and k is scaled by folding into the weights that make q: q is no longer the hub's."""
    generator = np.random.default_rng(0)
    weights = {name: generator.standard_normal((8, 8)).astype(np.float32) for name in ("wq", "wk")}
    model = hub_of_text(
        """(float[1,4,8] x) => (float[1,4,4] y) <float s = {0.25}> {
            q = MatMul(x, wq)
            k = MatMul(x, wk)
            t = Transpose<perm=[0,2,1]>(k)
            p = MatMul(q, t)
            m = Mul(p, s)
            y = Softmax<axis=-1>(m)
        }""",
        weights,
    )
    inner = TFLite().inner_tensors(model, OPTIONS, compiled(TFLite(), model, tmp_path))
    assert "m" in inner
    assert "q" not in inner
    assert "p" not in inner


def test_a_file_of_another_model_is_refused(convnet, perceptron, tmp_path):
    other = compiled(TFLite(), perceptron, tmp_path)
    with pytest.raises(RequestError, match="its tensors are not those that the model gives"):
        TFLite().inner_tensors(convnet, OPTIONS, other)


def test_an_ort_file_shows_nothing(convnet, tmp_path):
    artifact = compiled(OnnxRuntime(), convnet, tmp_path, format="ort")
    assert OnnxRuntime().inner_tensors(convnet, Options(variant="fp32", format="ort"), artifact) == {}
    with pytest.raises(ValueError, match=r"only a \.onnx file shows inner tensors"):
        OnnxRuntimeRuntime().load_inspectable(artifact, RunOptions(), ["r1"])


def test_a_tensor_that_is_not_there_is_refused(pair, convnet, tmp_path):
    target, runtime = pair
    artifact = compiled(target, convnet, tmp_path)
    with pytest.raises(ValueError, match="9999"):
        runtime.load_inspectable(artifact, RunOptions(), ["9999"])


def test_an_output_can_be_among_the_shown(pair, convnet, tmp_path):
    target, runtime = pair
    artifact = compiled(target, convnet, tmp_path)
    key = target.inner_tensors(convnet, OPTIONS, artifact)["probability"].key
    shown = runtime.load_inspectable(artifact, RunOptions(), [key]).run({"image": IMAGE})
    plain = runtime.load(artifact, RunOptions()).run({"image": IMAGE})
    np.testing.assert_allclose(shown[key], plain["probability"], atol=1e-6)


def test_weights_beside_an_onnx_file_are_found(convnet, tmp_path):
    artifact = compiled(OnnxRuntime(), convnet, tmp_path)
    apart = tmp_path / "apart"
    apart.mkdir()
    onnx.save(
        onnx.load(artifact), apart / "model.onnx", save_as_external_data=True, location="weights", size_threshold=0
    )
    shutil.move(artifact, tmp_path / "gone.onnx")
    shown = OnnxRuntimeRuntime().load_inspectable(apart / "model.onnx", RunOptions(), ["r1"]).run({"image": IMAGE})
    assert shown["r1"].shape == (1, 16, 4, 4)
