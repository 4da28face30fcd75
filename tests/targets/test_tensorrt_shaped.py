"""The ONNX that is written for TensorRT: only what its parser is published to take."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.runtime import OnnxRuntime, Reference
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tensorrt.releases import releases
from edgewright.targets.tensorrt.schemes import SCHEMES
from edgewright.targets.tensorrt.target import TensorRT
from edgewright.vocabulary.errors import ConfigError, ModelError, RefusedError, RequestError
from edgewright.vocabulary.precision import Precision

OPSET = 20


@pytest.fixture
def refusal(hub_of_text):
    """Give why TensorRT refuses text, by operator."""

    def reasons(text, weights=None, **settings):
        options = Options(variant="fp32", settings=settings)
        coverage = TensorRT().coverage(hub_of_text(text, weights, OPSET), options)
        return {entry.op: entry.detail for entry in coverage.refused}

    return reasons


@pytest.fixture
def written(hub_of_text, tmp_path):
    """Compile text, and give the artifact and the ONNX in it; its numbers are those of the hub."""

    def compile_(text, weights=None, *, recipe=None, opset=OPSET, atol=1e-5, dims=None, **settings):
        model = hub_of_text(text, weights, opset)
        if recipe:
            model = apply(model, parse(recipe, where="r"))
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        out.mkdir()
        artifact = TensorRT().compile(model, Options(variant="v", settings=settings, dims=dims or {}), out)
        feeds = {
            spec.name: np.random.default_rng(0)
            .standard_normal([size if isinstance(size, int) else 2 for size in spec.shape])
            .astype(spec.dtype)
            for spec in model.signature.inputs
        }
        (out / "hub").mkdir()
        model.save(out / "hub")
        wanted = Reference().load(out / "hub" / "model.onnx", RunOptions()).run(feeds)
        narrowed = {spec.name: feeds[spec.name].astype(spec.dtype) for spec in artifact.signature.inputs}
        got = OnnxRuntime().load(out / "model.onnx", RunOptions()).run(narrowed)
        for name, array in wanted.items():
            np.testing.assert_allclose(got[name], array, rtol=1e-5, atol=atol)
        return artifact, onnx.load(out / "model.onnx")

    return compile_


# the published tables


@pytest.mark.parametrize("name", ["8.6", "10.6", "10.15"])
def test_every_operator_stands_once_in_a_table(name):
    release = releases()[name]
    names = [operator for group in release.supported for operator in group.operators]
    assert {operator for operator, count in Counter([*names, *release.unsupported]).items() if count > 1} == set()
    assert all(source.document.startswith("onnx/onnx-tensorrt docs/") for source in release.sources)


def test_tables_say_what_came_when():
    tables = releases()
    assert [table.opset for table in tables.values()] == [(9, 17), (9, 22), (9, 24)]
    assert [table.types_of("Gelu") is not None for table in tables.values()] == [False, True, True]
    assert [table.types_of("RMSNormalization") is not None for table in tables.values()] == [False, False, True]
    assert [table.has_int64 for table in tables.values()] == [False, True, True]


# what is refused


def test_an_operator_that_the_parser_lacks_is_refused_with_node_and_version(hub_of_text, tmp_path):
    model = hub_of_text(
        "(float[2,3,3] x) => (float[2] y) { d = Det(x) y = Relu(d) }",
        None,
        OPSET,
    )
    with pytest.raises(RefusedError, match=r"\(Det\): the ONNX parser of TensorRT 10\.6 has no such operator"):
        TensorRT().compile(model, Options(variant="fp32"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "op", "reason"),
    [
        (
            "(double[2] x) => (double[2] y) { y = Relu(x) }",
            "Relu",
            "TensorRT 10.6: its input 0 is DOUBLE, which TensorRT does not have",
        ),
        (
            "(int32[2,2] x) => (int32[2,2] y) { y = MatMul(x, x) }",
            "MatMul",
            "TensorRT 10.6: its input 0 is INT32; TensorRT has MatMul for FP32, FP16, BF16",
        ),
        (
            "(float[1,1,4,4] x) => (float[1,1,2,2] y) { y = AveragePool <kernel_shape=[2,2], dilations=[2,2]> (x) }",
            "AveragePool",
            "TensorRT 10.6: its dilations are not 1",
        ),
        (
            "(float[4] x, int64[2] s) => (float[N,M] y) { y = Reshape(x, s) }",
            "Reshape",
            "TensorRT 10.6: its input 1, a shape or a place, is computed of the values of 's'",
        ),
        (
            """(float[1,4] x) => (float[1,2] v, int64[1,2] i)
            { k = Constant <value_ints=[2]> () v, i = TopK <sorted=0> (x, k) }""",
            "TopK",
            "TensorRT 10.6: its sorted is 0",
        ),
        (
            "(float[4] x) => (int64[1,N] y) { y = NonZero(x) }",
            "NonZero",
            "how many results it has depends on the data, and engines here have outputs of known sizes",
        ),
    ],
)
def test_what_a_parser_does_not_take_of_an_operator_is_refused_by_its_reason(refusal, text, op, reason):
    assert refusal(text) == {op: reason}


def test_a_resize_by_cubes_is_refused(refusal):
    text = (
        "(float[1,1,4,4] x) => (float[1,1,8,8] y) { s = Constant <value_floats=[1.0,1.0,2.0,2.0]> () "
        'y = Resize <mode="cubic"> (x, , s) }'
    )
    assert refusal(text) == {"Resize": "TensorRT 10.6: its mode is cubic"}


def test_what_onnxruntime_computes_otherwise_cannot_be_checked_and_is_refused(refusal):
    text = (
        "(float[1,1,4,4] x) => (float[1,1,5,5] y) { s = Constant <value_floats=[1.0,1.0,1.3,1.3]> () "
        'y = Resize <mode="linear", coordinate_transformation_mode="align_corners"> (x, , s) }'
    )
    assert refusal(text)["Resize"].startswith("onnxruntime, by which it is checked, does not compute it: ")


def test_sizes_that_nothing_fixes_are_refused_with_what_to_say(hub_of_text):
    model = hub_of_text("(float[batch,length] x) => (float[batch,length] y) { y = Relu(x) }", None, OPSET)
    with pytest.raises(ModelError, match="input 'x': dimension 'length' is open") as error:
        TensorRT().coverage(model, Options(variant="fp32"))
    assert error.value.hint == (
        "fix it by dims = { length = … }, or give its lowest and highest size by "
        'settings = { profile = { length = "1..8" } }'
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"settings": {"profile": {"width": "1..2"}}}, ModelError, "no dimension named 'width'"),
        ({"settings": {"profile": {"rows": "1..2"}}, "dims": {"rows": 2}}, RequestError, "is fixed to 2"),
        ({"settings": {"profile": {"rows": "4..2"}}}, ConfigError, 'expected sizes such as "1..8" or "1..4..8"'),
        ({"settings": {"profile": {"rows": f"1..{2**31}"}}}, ConfigError, 'expected sizes such as "1..8" or "1..4..8"'),
        ({"settings": {"workspace": "0 MB"}}, ConfigError, "expected a size above zero, got '0 MB'"),
        ({"settings": {"workspace": "-1 MB"}}, ConfigError, "expected a size above zero, got '-1 MB'"),
        ({"settings": {"workspace": "much"}}, ConfigError, "workspace: expected a number with a unit"),
        ({"settings": {"release": "8.6", "compute": "bf16"}}, ConfigError, "TensorRT 8.6 has no bfloat16"),
        ({"settings": {"float32_nodes": ["nobody"]}}, RequestError, "no node named 'nobody'"),
        ({"io": "int8"}, RequestError, "no io 'int8'"),
    ],
)
def test_options_that_cannot_be_met_are_wrong_requests(hub_of_text, options, error, message):
    model = hub_of_text("(float[rows,4] x) => (float[rows,4] y) { y = Relu(x) }", None, OPSET)
    with pytest.raises(error, match=message):
        TensorRT().coverage(model, Options(variant="fp32", **options))


# what is written


def test_a_pool_over_one_dimension_is_one_over_two(written):
    _, model = written(
        "(float[1,2,8] x) => (float[1,2,4] y) { y = MaxPool <kernel_shape=[3], strides=[2], pads=[1,0]> (x) }"
    )
    assert [node.op_type for node in model.graph.node] == ["Unsqueeze", "MaxPool", "Squeeze"]


def test_an_operator_that_a_release_lacks_gives_way_to_its_definition(written):
    text = "(float[2,4] x) => (float[2,4] y) { y = Gelu(x) }"
    _, later = written(text)
    artifact, older = written(text, release="8.6")
    assert [node.op_type for node in later.graph.node] == ["Gelu"]
    assert "Erf" in {node.op_type for node in older.graph.node}
    assert (later.opset_import[0].version, older.opset_import[0].version) == (20, 17)
    assert artifact.requires.min_runtime_version == "8.6"


def test_axes_and_parts_are_said_as_an_older_opset_has_them(written):
    _, model = written(
        "(float[2,5] x) => (float[2] y, float[2,3] a, float[2,2] b) { i = Constant <value_ints=[1]> () "
        "y = ReduceMean <keepdims=0> (x, i) a, b = Split <axis=1, num_outputs=2> (x) }",
        release="8.6",
    )
    nodes = {node.op_type: node for node in model.graph.node}
    assert len(nodes["ReduceMean"].input) == 1
    assert len(nodes["Split"].input) == 2
    onnx.checker.check_model(model, full_check=True)


def test_int64_at_the_border_is_int32_for_a_release_that_has_no_other(written):
    text = "(int64[3] x) => (int64[3] y) { y = Add(x, x) }"
    artifact, model = written(text, release="8.6")
    assert artifact.narrowed == {"x": "int64 → int32", "y": "int64 → int32"}
    assert [spec.dtype for spec in (*artifact.signature.inputs, *artifact.signature.outputs)] == ["int32", "int32"]
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.INT32
    assert written(text)[0].narrowed == {}


def test_numbers_beyond_32_bits_are_refused_for_it(refusal):
    text = "(int64[1] x) => (int64[1] y) { big = Constant <value_ints=[4294967296]> () y = Add(x, big) }"
    assert refusal(text) == {}
    assert "holds integers that do not fit into 32 bits" in refusal(text, release="8.6")["Add"]


def test_fp16_computes_in_float16_but_for_what_must_not(written):
    weights = {"w": np.random.default_rng(1).standard_normal((8, 16)).astype(np.float32)}
    artifact, model = written(
        "(float[2,8] x) => (float[2,16] y) { m = MatMul(x, w) r = Relu(m) y = Softmax(r) }",
        weights,
        recipe=["float16"],
        atol=5e-3,
    )
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    made = {node.op_type: types.get(node.output[0]) for node in model.graph.node}
    assert (made["MatMul"], made["Relu"]) == (TensorProto.FLOAT16, TensorProto.FLOAT16)
    assert model.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    [softmax] = [node for node in model.graph.node if node.op_type == "Softmax"]
    assert types[softmax.input[0]] == TensorProto.FLOAT
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT16}
    assert artifact.coverage.refused == ()


def test_nodes_that_are_named_stay_float32_in_fp16(written):
    text = "(float[2,8] x) => (float[2,8] y) { m = Sigmoid(x) y = Tanh(m) }"
    _, model = written(text, recipe=["float16"], atol=2e-3)
    assert Counter(node.op_type for node in model.graph.node)["Cast"] == 2
    name = next(node.name for node in model.graph.node if node.op_type == "Sigmoid")
    _, kept = written(text, recipe=["float16"], atol=2e-3, float32_nodes=[name])
    types = {value.name: value.type.tensor_type.elem_type for value in kept.graph.value_info}
    sigmoid = next(node for node in kept.graph.node if node.op_type == "Sigmoid")
    assert types[sigmoid.output[0]] == TensorProto.FLOAT


# integers


def test_an_input_that_no_node_reads_is_of_a_type_that_tensorrt_has(refusal):
    reasons = refusal("(float[2] x, double[2] unread) => (float[2] y) { y = Relu(x) }")
    assert reasons == {"input": "it is DOUBLE, which TensorRT does not have"}


@pytest.fixture
def quantized(make_hub):
    """A residual block whose skip the next convolution reads too, and a transposed convolution."""

    def noise(*shape):
        return np.random.default_rng(0).standard_normal(shape) / 5

    node = helper.make_node
    model = make_hub(
        [
            node("Conv", ["x", "w1", "b1"], ["c1"], "one", pads=[1, 1, 1, 1]),
            node("Relu", ["c1"], ["r1"], "relu one"),
            node("Conv", ["r1", "w2", "b2"], ["c2"], "two", pads=[1, 1, 1, 1]),
            node("Add", ["c2", "r1"], ["a"], "add"),
            node("Relu", ["a"], ["r2"], "relu two"),
            node("ConvTranspose", ["r2", "w3"], ["y"], "up"),
        ],
        {"x": [1, 3, 6, 6]},
        {"y": [1, 5, 7, 7]},
        {"w1": noise(4, 3, 3, 3), "b1": noise(4), "w2": noise(4, 4, 3, 3), "b2": noise(4), "w3": noise(4, 5, 2, 2)},
    )
    scheme = SCHEMES[Precision.STATIC_WI8_AI8]
    rows = {"x": np.random.default_rng(1).standard_normal((16, 3, 6, 6)).astype(np.float32)}
    return Quantize(scheme.precision).informed(calibrate(model, rows), scheme)(model)


def test_integers_are_where_tensorrt_fuses_them(quantized, tmp_path):
    artifact = TensorRT().compile(quantized, Options(variant="int8"), tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    makers = {output: node for node in model.graph.node for output in node.output}
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = {node.op_type: node for node in model.graph.node}
    add = nodes["Add"]
    # the convolution's own result is not rounded, the skip is: so convolution, bias, addition and Relu are one kernel
    assert sorted(makers[name].op_type for name in add.input) == ["Conv", "DequantizeLinear"]
    for conv in [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose")]:
        data, weight = (makers[name] for name in conv.input[:2])
        assert (data.op_type, weight.op_type) == ("DequantizeLinear", "DequantizeLinear")
        assert constants[data.input[1]].shape == ()
        [axis] = [attribute.i for attribute in weight.attribute if attribute.name == "axis"]
        assert axis == (1 if conv.op_type == "ConvTranspose" else 0)
        assert constants[weight.input[1]].shape == (constants[weight.input[0]].shape[axis],)
        assert all(name in constants and constants[name].dtype == np.float32 for name in conv.input[2:])
    points = [constants[node.input[2]] for node in model.graph.node if node.op_type.endswith("eLinear")]
    assert all(point.dtype == np.int8 and not point.any() for point in points)
    assert artifact.requires.runtime == "tensorrt"


def test_the_skip_of_an_addition_costs_no_more_than_its_rounding(quantized, tmp_path):
    TensorRT().compile(quantized, Options(variant="int8"), tmp_path)
    (tmp_path / "hub").mkdir()
    quantized.save(tmp_path / "hub")
    feeds = {"x": np.random.default_rng(2).standard_normal((1, 3, 6, 6)).astype(np.float32)}
    [wanted] = Reference().load(tmp_path / "hub" / "model.onnx", RunOptions()).run(feeds).values()
    [got] = Reference().load(tmp_path / "model.onnx", RunOptions()).run(feeds).values()
    # what the skip is rounded by, half a step of 127, and then every layer behind
    np.testing.assert_allclose(got, wanted, rtol=0, atol=np.abs(wanted).max() * 3 / 127)


def test_weights_are_floats_that_become_the_same_integers_for_version_8(quantized, tmp_path):
    for release in ("8.6", "10.6"):
        (tmp_path / release).mkdir()
        options = Options(variant="int8", settings={"release": release})
        TensorRT().compile(quantized, options, tmp_path / release)
    model = onnx.load(tmp_path / "8.6" / "model.onnx")
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    # integers are zero points alone, and what they belong to is quantized where it stands
    assert {constants[name].any() for name in constants if constants[name].dtype == np.int8} == {False}
    weighted = [node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.input[0] in constants]
    assert sorted(constants[node.input[0]].shape for node in weighted) == [(4, 3, 3, 3), (4, 4, 3, 3), (4, 5, 2, 2)]
    feeds = {"x": np.random.default_rng(2).standard_normal((1, 3, 6, 6)).astype(np.float32)}
    [older, later] = [
        Reference().load(tmp_path / release / "model.onnx", RunOptions()).run(feeds)["y"] for release in ("8.6", "10.6")
    ]
    np.testing.assert_array_equal(older, later)
