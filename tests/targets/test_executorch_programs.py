"""What programs are made of: delegates and kernels by node, refusals, and what XNNPACK alone would compute wrongly."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.targets.base import Options
from edgewright.targets.executorch.runtime import ExecuTorch as Runtime
from edgewright.targets.executorch.target import ExecuTorch
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import ConfigError, RequestError
from edgewright.vocabulary.precision import Precision

node = helper.make_node


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.fixture
def imported(tmp_path):
    def import_(nodes, shape, **weights):
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        (folder := tmp_path / "source").mkdir()
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), folder / "model.onnx")
        return import_model(Request(reference="model.onnx", folder=folder)).model

    return import_


@pytest.fixture
def made(tmp_path):
    """Compile, run both, and give the artifact and the largest difference from the hub."""

    def make(model, x):
        (out := tmp_path / "out").mkdir()
        (hub := tmp_path / "hub").mkdir()
        artifact = ExecuTorch().compile(model, Options(variant=model.precision), out)
        model.save(hub)
        expected = Reference().load(hub / "model.onnx", RunOptions()).run({"x": x})["y"]
        got = Runtime().load(out / artifact.files[0].path, RunOptions()).run({"x": x})["y"]
        return artifact, float(np.abs(got - expected).max())

    return make


@pytest.mark.parametrize("axis", [1, -1])
def test_softmax_behind_a_layer_is_in_its_delegate_and_taken_over_its_axis(imported, made, axis) -> None:
    nodes = [node("Conv", ["x", "w"], ["c"], "conv"), node("Softmax", ["c"], ["y"], "softmax", axis=axis)]
    artifact, gap = made(imported(nodes, (1, 4, 6, 5), w=noise(8, 4, 1, 1)), noise(1, 4, 6, 5))
    assert gap < 1e-6
    assert artifact.ops == {"XnnpackBackend": 1}


def test_attention_is_one_delegate(imported, made) -> None:
    nodes = [
        node("Transpose", ["x"], ["t"], "turned", perm=[0, 1, 3, 2]),
        node("MatMul", ["x", "t"], ["s"], "scores"),
        node("Softmax", ["s"], ["p"], "softmax"),
        node("MatMul", ["p", "x"], ["m"], "mixed"),
        node("MatMul", ["m", "w"], ["o"], "out"),
        node("Add", ["o", "b"], ["y"], "bias"),
    ]
    model = imported(nodes, (2, 3, 6, 5), w=noise(5, 4), b=noise(1, 4))
    artifact, gap = made(model, noise(2, 3, 6, 5))
    assert gap < 1e-5
    assert artifact.ops == {"XnnpackBackend": 1}
    assert not any("add" in entry.detail for entry in artifact.coverage.nodes)  # the product has it as its bias


def test_integers_compared_with_all_places_take_rows_of_the_matrix_behind(imported, made) -> None:
    nodes = [
        node("Cast", ["x"], ["i"], "integers", to=TensorProto.INT32),
        node("Unsqueeze", ["i", "last"], ["u"], "column"),
        node("Equal", ["u", "places"], ["e"], "equal"),
        node("Cast", ["e"], ["ones"], "floats", to=TensorProto.FLOAT),
        node("MatMul", ["ones", "w"], ["m"], "product"),
        node("Add", ["m", "b"], ["y"], "bias"),
    ]
    weights = {"last": np.array([-1]), "places": np.arange(7, dtype=np.int32).reshape(1, 1, 7)}
    model = imported(nodes, (2, 5), **weights, w=noise(7, 3), b=noise(1, 1, 3))
    artifact, gap = made(model, np.array([[0, 6, 7, -1, 3], [-7, 1e9, -1e9, 6, 2]], np.float32))
    assert gap < 1e-6
    assert "aten::eq" not in artifact.ops
    assert artifact.ops["aten::index_select"] == 1


def test_rows_are_taken_from_both_ends(imported, made) -> None:
    nodes = [
        node("Cast", ["x"], ["i"], "cast", to=TensorProto.INT64),
        node("Gather", ["w", "i"], ["y"], "rows", axis=1),
    ]
    x = np.array([[0, -1, 6], [-7, 3, 2]], np.float32)
    artifact, gap = made(imported(nodes, (2, 3), w=noise(2, 7, 4)), x)
    assert gap == 0
    assert artifact.ops["aten::index_select"] == 1


def test_a_layer_and_the_mean_of_its_rows_and_columns_are_one_delegate(imported, made) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"], "conv"),
        node("ReduceMean", ["c", "axes"], ["m"], "mean", keepdims=0),
        node("Gemm", ["m", "v"], ["y"], "head"),
    ]
    model = imported(nodes, (2, 4, 6, 5), w=noise(8, 4, 1, 1), axes=np.array([2, 3]), v=noise(8, 3))
    artifact, gap = made(model, noise(2, 4, 6, 5))
    assert artifact.ops == {"XnnpackBackend": 1}
    assert gap < 1e-6


def test_gelu_by_the_hyperbolic_tangent_is_not_the_one_by_the_error_function(imported, made) -> None:
    artifact, gap = made(imported([node("Gelu", ["x"], ["y"], "gelu", approximate="tanh")], (4, 50)), noise(4, 50))
    assert gap < 1e-6
    assert artifact.ops == {"XnnpackBackend": 1}


def test_an_integer_layer_is_one_delegate_and_gives_what_the_hub_gives(imported, made) -> None:
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"], "relu"),
        node("Conv", ["r", "v"], ["d"], "second"),
        node("Add", ["d", "r"], ["y"], "add"),
    ]
    model = imported(nodes, (1, 4, 6, 5), w=noise(8, 4, 3, 3) / 4, b=noise(8), v=noise(8, 8, 1, 1) / 3)
    scheme = ExecuTorch().schemes()[Precision.STATIC_WI8_AI8]
    x = noise(1, 4, 6, 5)
    integer = Quantize(scheme.precision).informed(calibrate(model, {"x": x}), scheme)(model)
    artifact, gap = made(integer, x)
    assert artifact.ops == {"XnnpackBackend": 1}
    assert gap < 0.1  # two steps of the coarsest grid: kernels round sums of integers, the hub rounds reals


@pytest.mark.parametrize("channels", [1, 4])
def test_a_layer_that_gives_reals_holds_the_reals_that_its_integers_stand_for(imported, made, channels) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantize"),
        node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantize"),
        node("DequantizeLinear", ["w", "ws", "wz"], ["e"], "weights", axis=0),
        node("Conv", ["d", "e", "b"], ["y"], "conv", pads=[1, 1, 1, 1]),
    ]
    model = imported(
        nodes,
        (5, 1, 4, 3),
        s=np.float32(0.05),
        z=np.int8(-18),
        w=np.random.default_rng(0).integers(-90, 90, (channels, 1, 3, 3)).astype(np.int8),
        ws=np.full(channels, 0.0075, np.float32),
        wz=np.zeros(channels, np.int8),
        b=np.full(channels, 0.9, np.float32),
    )
    _, gap = made(model, noise(5, 1, 4, 3))
    assert gap < 1e-5


def test_products_of_dynamic_integers_are_in_the_delegate_with_what_is_added(imported, made) -> None:
    nodes = [node("MatMul", ["x", "w"], ["m"], "product"), node("Add", ["m", "m_bias"], ["y"], "add")]
    model = imported(nodes, (4, 64), w=noise(64, 32), m_bias=noise(32))
    scheme = ExecuTorch().schemes()[Precision.DYNAMIC_WI8_AFP32]
    integer = Quantize(scheme.precision).informed(calibrate(model, {"x": noise(4, 64)}), scheme)(model)
    artifact, gap = made(integer, noise(4, 64))
    assert artifact.ops == {"XnnpackBackend": 1}
    assert 1e-4 < gap < 0.4  # 64 products, each off by up to half a step of an input: it is quantized


def test_settings_and_formats_are_checked(imported, tmp_path) -> None:
    model = imported([node("Relu", ["x"], ["y"], "relu")], (2, 3))
    with pytest.raises(ConfigError, match=r"targets\.executorch\.settings\.delegate"):
        ExecuTorch().coverage(model, Options(variant="fp32", settings={"delegate": "qnn"}))
    with pytest.raises(RequestError, match="no format 'pt'"):
        ExecuTorch().coverage(model, Options(variant="fp32", format="pt"))
    portable = ExecuTorch().coverage(model, Options(variant="fp32", settings={"delegate": "portable"}))
    assert [entry.detail for entry in portable.nodes] == ["portable: relu"]
