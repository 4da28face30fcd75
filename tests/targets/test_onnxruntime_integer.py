"""Integer models on onnxruntime: what is stored, what runs, and that it is what the hub's Q/DQ model computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.model import Model, Precision
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.runtime import OnnxRuntime as Runtime
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.onnxruntime.schemes import SCHEMES
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import RequestError

node = helper.make_node
Make = Callable[..., Model]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A hub model of these nodes over `x`, giving `y`."""

    def build(nodes: list[onnx.NodeProto], shape: tuple[Any, ...], weights: dict[str, np.ndarray]) -> Model:
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), tmp_path / "source.onnx")
        return import_model(Request(reference="source.onnx", folder=tmp_path)).model

    return build


def quantized(model: Model, precision: str, rows: np.ndarray) -> Model:
    recipe = parse([{"quantize": {"precision": precision}}], where="test")
    return apply(model, recipe, ranges=calibrate(model, {"x": rows}), schemes=SCHEMES)


def compiled(model: Model, tmp_path: Path, format_: str = "") -> tuple[Path, dict[str, int]]:
    out = tmp_path / f"out{format_}"
    out.mkdir()
    artifact = OnnxRuntime().compile(model, Options(variant="v", format=format_), out)
    return out / artifact.files[0].path, artifact.ops


def run(path: Path, x: np.ndarray) -> np.ndarray:
    return Runtime().load(path, RunOptions()).run({"x": x})["y"]


def hub(model: Model, x: np.ndarray, tmp_path: Path) -> np.ndarray:
    model.save(tmp_path)
    return Reference().load(tmp_path / "model.onnx", RunOptions()).run({"x": x})["y"]


def constants(path: Path) -> dict[int, int]:
    """Bytes of constants by their type."""
    found: dict[int, int] = {}
    for tensor in onnx.load(path).graph.initializer:
        found[tensor.data_type] = found.get(tensor.data_type, 0) + len(tensor.raw_data)
    return found


@pytest.mark.parametrize("precision", ["static_wi8_ai8", "dynamic_wi8_afp32"])
@pytest.mark.parametrize("shape", [(1024,), (3, 1024, 4)], ids=["vector", "stack"])
def test_products_with_what_is_no_matrix_run(
    make: Make, tmp_path: Path, precision: str, shape: tuple[int, ...]
) -> None:
    model = make([node("MatMul", ["x", "w"], ["y"], "product")], (3, 5, 1024), {"w": noise(*shape) / 32})
    x = noise(3, 5, 1024)
    path, _ = compiled(quantized(model, precision, x), tmp_path)
    # 1024 products, each off by a rounding of either factor (steps of 0.03 and 0.002): sigma 0.021
    assert np.abs(run(path, x) - hub(model, x, tmp_path)).max() < 0.1


@pytest.mark.parametrize(
    ("precision", "product"),
    [("static_wi8_ai8", "MatMulIntegerToFloat"), ("dynamic_wi8_afp32", "DynamicQuantizeMatMul")],
)
def test_a_product_of_integers_adds_its_bias_itself(make: Make, tmp_path: Path, precision: str, product: str) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["h"], "product"),
        node("Add", ["b", "h"], ["s"], "bias"),
        node("Add", ["s", "m"], ["t"], "of every place"),
        node("Tanh", ["t"], ["y"], "tanh"),
    ]
    x = noise(3, 5, 64)
    model = make(nodes, (3, 5, 64), {"w": noise(64, 32) / 8, "b": noise(32), "m": noise(5, 32, seed=1)})
    path, ops = compiled(quantized(model, precision, x), tmp_path)
    assert ops.pop(f"com.microsoft.{product}") == 1
    assert ops.get("Add") == 1
    assert "s" in {name for one in onnx.load(path).graph.node for name in one.output}
    assert "h" not in {name for one in onnx.load(path).graph.node for name in one.output}
    assert (
        np.abs(run(path, x) - hub(model, x, tmp_path)).max() < 0.1
    )  # 64 products with steps of 0.024 and 0.006: sigma 0.016


@pytest.fixture
def residual(make: Make) -> Model:
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "one", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], "relu one"),
        node("Conv", ["r1", "w2", "b2"], ["c2"], "two", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "r1"], ["a"], "add"),
        node("Relu", ["a"], ["r2"], "relu two"),
        node("MaxPool", ["r2"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["p"], ["f"], "flatten"),
        node("Gemm", ["f", "w3", "b3"], ["y"], "gemm"),
    ]
    weights = {
        "w1": noise(8, 3, 3, 3) / 5,
        "b1": noise(8),
        "w2": noise(8, 8, 3, 3) / 8,
        "b2": noise(8),
        "w3": noise(128, 10) / 11,
        "b3": noise(10),
    }
    return make(nodes, ("n", 3, 8, 8), weights)


@pytest.mark.parametrize("format_", ["", "ort"])
def test_static_runs_integer_kernels_from_input_to_output(residual: Model, tmp_path: Path, format_: str) -> None:
    x = noise(64, 3, 8, 8)
    model = quantized(residual, "static_wi8_ai8", x)
    path, ops = compiled(model, tmp_path, format_)
    assert ops == {
        "MaxPool": 1,
        "QLinearConv": 2,
        "QuantizeLinear": 1,
        "Flatten": 1,
        "com.microsoft.QGemm": 1,
        "com.microsoft.QLinearAdd": 1,
    }
    got = run(path, x)
    # integer kernels round sums once where Q/DQ rounds twice: single values differ by a step of an inner tensor
    expected = hub(model, x, tmp_path)
    assert np.mean(np.abs(got - expected) > 0.02) < 0.01
    true = hub(residual, x, tmp_path)
    assert np.abs(got - true).max() < 0.05 * np.abs(true).max()


def test_static_stores_each_weight_once_as_int8(residual: Model, tmp_path: Path) -> None:
    path, _ = compiled(quantized(residual, "static_wi8_ai8", noise(64, 3, 8, 8)), tmp_path)
    stored = constants(path)
    weights = 8 * 3 * 9 + 8 * 8 * 9 + 128 * 10
    assert weights <= stored[TensorProto.INT8] < weights + 64  # and zero points
    assert stored[TensorProto.FLOAT] < 256  # scales


def test_weights_keep_clear_of_the_saturation_of_cpus_without_vnni() -> None:
    """Two products of uint8 and int8 are added in 16 bits there."""
    for precision in (Precision.STATIC_WI8_AI8, Precision.DYNAMIC_WI8_AFP32):
        grid = SCHEMES[precision].weights
        assert 2 * 255 * max(-grid.lowest, grid.highest) <= 32767


@pytest.mark.parametrize("op", ["MatMul", "Gemm", "Gemm with a turned weight"])
def test_dynamic_products_become_the_dynamic_kernel(make: Make, tmp_path: Path, op: str) -> None:
    weights = {"w": noise(64, 32), "b": noise(32)}
    if op == "MatMul":
        nodes = [node("MatMul", ["x", "w"], ["a"], "product"), node("Add", ["a", "b"], ["y"], "sum")]
    else:
        turned = op != "Gemm"
        weights["w"] = noise(32, 64) if turned else weights["w"]
        nodes = [node("Gemm", ["x", "w", "b"], ["y"], "product", transB=int(turned))]
    source, x = make(nodes, ("n", 64), weights), noise(16, 64)
    path, ops = compiled(quantized(source, "dynamic_wi8_afp32", x), tmp_path)
    assert ops == {"com.microsoft.DynamicQuantizeMatMul": 1}
    true = hub(source, x, tmp_path)
    # 64 products, each off by half a step of 1/63 and 1/255 of the largest: 3 sigma
    assert np.abs(run(path, x) - true).max() < 0.03 * np.abs(true).max()


@pytest.mark.parametrize(
    ("precision", "bits"), [("dynamic_wi8_afp32", 8), ("weight_only_wi8_afp32", 8), ("weight_only_wi4_afp32", 4)]
)
def test_stored_weights_are_small_on_disk_and_floats_when_loaded(
    make: Make, tmp_path: Path, precision: str, bits: int
) -> None:
    nodes = [node("Gather", ["table", "index"], ["g"], "gather"), node("Add", ["x", "g"], ["y"], "add")]
    weights = {"table": noise(512, 64), "index": np.int64([3])}
    if precision != "weight_only_wi4_afp32":
        nodes = [
            node("Conv", ["x", "w"], ["c"], "conv", kernel_shape=[1]),
            node("Relu", ["c"], ["y"], "relu"),
        ]
        weights = {"w": noise(64, 512, 1)}
    source = make(nodes, ("n", 512, 4) if "w" in weights else ("n", 64), weights)
    x = noise(2, 512, 4) if "w" in weights else noise(2, 64)
    model = quantized(source, precision, x)
    path, _ = compiled(model, tmp_path)
    assert path.stat().st_size < 64 * 512 * bits / 8 + 10_000
    # the same products in another order: 512 of them in float32
    np.testing.assert_allclose(run(path, x), hub(model, x, tmp_path), atol=1e-4)
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(str(path), settings)
    assert "Cast" not in {one.op_type for one in onnx.load(tmp_path / "loaded.onnx").graph.node}


def test_four_bits_by_blocks_are_close_to_float(make: Make, tmp_path: Path) -> None:
    source, x = make([node("MatMul", ["x", "w"], ["y"], "product")], ("n", 64), {"w": noise(64, 32)}), noise(16, 64)
    model = quantized(source, "weight_only_wi4_afp32", x)
    path, _ = compiled(model, tmp_path)
    got, true = run(path, x), hub(source, x, tmp_path)
    np.testing.assert_allclose(got, hub(model, x, tmp_path), atol=1e-4)
    # the largest of 32 normal numbers is about 2.2, so a step is 0.31 and its noise 0.09: 21 dB
    assert 10 * np.log10(np.var(true) / np.var(got - true)) > 18


def test_four_bits_have_no_place_in_an_ort_file(make: Make, tmp_path: Path) -> None:
    source = make([node("MatMul", ["x", "w"], ["y"], "product")], ("n", 64), {"w": noise(64, 32)})
    model = quantized(source, "weight_only_wi4_afp32", noise(16, 64))
    with pytest.raises(RequestError, match="cannot hold weights of four bits"):
        compiled(model, tmp_path, "ort")


def test_a_precision_without_a_scheme_names_the_nearest(residual: Model) -> None:
    with pytest.raises(RequestError, match="no scheme for precision static_wi8_ai16") as caught:
        quantized(residual, "static_wi8_ai16", noise(4, 3, 8, 8))
    assert caught.value.hint == "the nearest that it has is static_wi8_ai8"


def test_equal_models_give_equal_bytes(residual: Model, tmp_path: Path) -> None:
    rows = noise(64, 3, 8, 8)
    written = []
    for turn in "ab":
        folder = tmp_path / turn
        folder.mkdir()
        written.append(compiled(quantized(residual, "static_wi8_ai8", rows), folder)[0].read_bytes())
    assert written[0] == written[1]


def test_static_stores_tables_that_are_looked_up_as_integers(make: Make, tmp_path: Path) -> None:
    nodes = [
        node("Gather", ["table", "index"], ["g"], "gather"),
        node("Add", ["x", "g"], ["a"], "add"),
        node("MatMul", ["a", "w"], ["y"], "product"),
    ]
    weights = {"table": noise(512, 64), "index": np.int64([3]), "w": noise(64, 8)}
    source, x = make(nodes, ("n", 64), weights), noise(32, 64)
    path, ops = compiled(quantized(source, "static_wi8_ai8", x), tmp_path)
    assert path.stat().st_size < 512 * 64 + 10_000
    assert ops["com.microsoft.MatMulIntegerToFloat"] == 1
    true = hub(source, x, tmp_path)
    assert np.abs(run(path, x) - true).max() < 0.03 * np.abs(true).max()  # as of dynamic products
