"""What is particular to the target onnxruntime."""

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edgewright.compiler.recipe import apply, parse
from edgewright.targets.artifact import Handling
from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.runtime import OnnxRuntime as Runtime
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import RefusedError, RequestError, ToolError


@pytest.fixture
def compile_(tmp_path):
    """Compile and give the artifact and the path of the file to open."""

    def run(model, form="", **options):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        out.mkdir()
        artifact = OnnxRuntime().compile(model, Options(variant="fp32", format=form, **options), out)
        return artifact, out / artifact.files[0].path

    return run


def half(model):
    return apply(model, parse(["float16"], where="recipes.fp16"))


@pytest.mark.parametrize("form", ["onnx", "ort"])
def test_an_open_batch_stays_open(compile_, convnet, form):
    artifact, path = compile_(convnet, form)
    assert artifact.signature == convnet.signature
    session = Runtime().load(path, RunOptions())
    for batch in (1, 3, 8):
        images = np.ones((batch, 3, 8, 8), np.float32)
        assert session.run({"image": images})["probability"].shape == (batch, 5)


def test_a_fixed_dimension_is_fixed_in_the_file(compile_, convnet):
    artifact, path = compile_(convnet, dims={"batch": 2})
    assert artifact.signature.inputs[0].shape == (2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"expected float32\[2, 3, 8, 8\], got float32\[1, 3, 8, 8\]"):
        Runtime().load(path, RunOptions()).run({"image": np.ones((1, 3, 8, 8), np.float32)})


def test_the_model_is_optimised(compile_, convnet):
    artifact, path = compile_(convnet)
    assert artifact.ops["com.microsoft.FusedConv"] == 2
    assert "Relu" not in artifact.ops
    assert sum(artifact.ops.values()) == len(onnx.load(path).graph.node)


def test_float16_weights_stay_float16(compile_, perceptron):
    _, path = compile_(half(perceptron))
    graph = onnx.load(path).graph
    assert {tensor.data_type for tensor in graph.initializer} == {TensorProto.FLOAT16}
    assert [node.op_type for node in graph.node].count("Cast") == 2


def test_both_formats_compute_the_same(compile_, convnet):
    images = np.random.default_rng(0).standard_normal((4, 3, 8, 8), dtype=np.float32)
    onnx_, ort = (
        Runtime().load(compile_(convnet, form)[1], RunOptions()).run({"image": images})["probability"]
        for form in ("onnx", "ort")
    )
    np.testing.assert_allclose(onnx_, ort, rtol=0, atol=1e-6)  # kernels for other layouts add in other orders


def test_formats_are_named_behind_the_variant(compile_, convnet):
    names = [compile_(convnet, form)[0].name for form in ("", "onnx", "ort")]
    assert names == ["onnxruntime-fp32", "onnxruntime-fp32", "onnxruntime-fp32-ort"]


def test_what_is_bound_to_this_cpu_is_refused(compile_, convnet, monkeypatch):
    levels = onnxruntime.GraphOptimizationLevel
    monkeypatch.setattr("onnxruntime.GraphOptimizationLevel", FakeLevels(levels))
    with pytest.raises(ToolError, match=r"bound the model to this machine's CPU: com\.microsoft\.nchwc\.Conv"):
        compile_(convnet)


class FakeLevels:
    """Takes `extended` for `all`, as if a later onnxruntime had moved its layout optimisations there."""

    def __init__(self, levels):
        self.ORT_DISABLE_ALL = levels.ORT_DISABLE_ALL
        self.ORT_ENABLE_EXTENDED = levels.ORT_ENABLE_ALL


def test_a_kernel_that_is_missing_for_a_dtype_is_refused_by_node(make_hub, tmp_path):
    model = make_hub(
        [
            helper.make_node("Relu", ["x"], ["r"], "narrow"),
            helper.make_node("Conv", ["r", "w"], ["y"], "wide conv"),
        ],
        {"x": [1, 2, 4, 4]},
        {"y": [1, 2, 4, 4]},
        {"w": np.zeros((2, 2, 1, 1))},
        dtype="float64",
    )
    coverage = OnnxRuntime().coverage(model, Options(variant="fp32"))
    assert [node.handling for node in coverage.nodes] == [Handling.NATIVE, Handling.REFUSED]
    assert coverage.nodes[1].detail.startswith("Could not find an implementation for Conv")
    with pytest.raises(RefusedError, match=r"1 of 2 nodes: wide conv \(Conv\): Could not find an implementation"):
        OnnxRuntime().compile(model, Options(variant="fp32"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_node_that_cannot_run_is_named(make_hub):
    model = make_hub(
        [
            helper.make_node("Twirl", ["x"], ["a"], "first", domain="com.example"),
            helper.make_node("Relu", ["a"], ["b"], "between"),
            helper.make_node("Twist", ["b"], ["y"], "second", domain="com.example"),
        ],
        {"x": [1]},
        {"y": [1]},
        domains=["com.example"],
    )
    refused = OnnxRuntime().coverage(model, Options(variant="fp32")).refused
    assert [(node.node, node.op) for node in refused] == [
        ("first", "com.example.Twirl"),
        ("second", "com.example.Twist"),
    ]


def test_operators_of_onnxruntimes_own_domain_are_native(make_hub):
    gelu = helper.make_node("FastGelu", ["x"], ["y"], "gelu", domain="com.microsoft")
    model = make_hub([gelu], {"x": [1, 4]}, {"y": [1, 4]}, domains=["com.microsoft"])
    assert OnnxRuntime().coverage(model, Options(variant="fp32")).refused == ()
    assert "com.microsoft.FastGelu" in OnnxRuntime().ops()


def test_operators_that_onnx_defines_by_others_are_known():
    assert {"Conv", "Gelu", "HardSwish", "LayerNormalization", "Constant"} <= set(OnnxRuntime().ops())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "json"}, "has no format 'json'"),
        ({"dims": {"time": 3}}, "no dimension named 'time'"),
        ({"dims": {"batch": 0}}, "a size is at least 1"),
        ({"layout": {"image": "NHWC"}}, "image cannot be NHWC"),
        ({"layout": {"picture": "NHWC"}}, "picture cannot be NHWC"),
    ],
)
def test_options_that_cannot_be_met_are_refused(convnet, tmp_path, options, message):
    asked = Options(variant="fp32", **options)
    with pytest.raises(RequestError, match=message):
        OnnxRuntime().compile(convnet, asked, tmp_path)
    with pytest.raises(RequestError, match=message):
        OnnxRuntime().coverage(convnet, asked)
    assert list(tmp_path.iterdir()) == []


def test_the_layout_that_it_has_can_be_asked_for(compile_, convnet):
    image = msgspec.structs.replace(convnet.signature.inputs[0], layout="NCHW")
    signature = msgspec.structs.replace(convnet.signature, inputs=(image,))
    model = type(convnet)(ir=convnet.ir, signature=signature, source=convnet.source)
    assert compile_(model, layout={"image": "NCHW"})[0].signature == signature


def test_the_reference_computes_node_by_node(compile_, convnet, tmp_path):
    (tmp_path / "hub").mkdir()
    convnet.save(tmp_path / "hub")
    images = np.random.default_rng(0).standard_normal((2, 3, 8, 8), dtype=np.float32)
    _, path = compile_(convnet)
    expected = Reference().load(tmp_path / "hub" / "model.onnx", RunOptions()).run({"image": images})
    found = Runtime().load(path, RunOptions()).run({"image": images})
    np.testing.assert_allclose(found["probability"], expected["probability"], rtol=0, atol=1e-6)


def test_threads_are_those_asked_for(compile_, convnet):
    _, path = compile_(convnet)
    session = Runtime().load(path, RunOptions(threads=2))
    settings = session._session.get_session_options()
    assert (settings.intra_op_num_threads, settings.inter_op_num_threads) == (2, 1)


@pytest.mark.parametrize("model", ["convnet", "perceptron"])
def test_nothing_is_printed(compile_, capfd, request, model):
    compile_(request.getfixturevalue(model), "ort")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
