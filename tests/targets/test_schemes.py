"""Every scheme gives a model that onnxruntime runs, close to float."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.quantize.scheme import Role, Scheme
from edgewright.targets.coreml.schemes import SCHEMES as COREML
from edgewright.targets.executorch.schemes import SCHEMES as EXECUTORCH
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.onnxruntime.schemes import SCHEMES as ONNXRUNTIME
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tensorrt.schemes import SCHEMES as TENSORRT
from edgewright.targets.tflite.schemes import SCHEMES as TFLITE
from edgewright.targets.tvm.schemes import SCHEMES as TVM
from edgewright.vocabulary.precision import Precision

node = helper.make_node
SCHEMES = [scheme for table in (COREML, EXECUTORCH, ONNXRUNTIME, TENSORRT, TFLITE, TVM) for scheme in table.values()]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A residual block, a pool, a product with its bias, and a Softmax."""
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "one", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], "relu one"),
        node("Conv", ["r1", "w2", "b2"], ["c2"], "two", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "r1"], ["a"], "add"),
        node("Relu", ["a"], ["r2"], "relu two"),
        node("MaxPool", ["r2"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["p"], ["f"], "flatten"),
        node("MatMul", ["f", "w3"], ["m"], "matmul"),
        node("Add", ["m", "b3"], ["l"], "bias"),
        node("Softmax", ["l"], ["y"], "softmax"),
    ]
    weights = {
        "w1": noise(8, 3, 3, 3) / 5,
        "b1": noise(8),
        "w2": noise(8, 8, 3, 3) / 8,
        "b2": noise(8),
        "w3": noise(128, 20) / 11,
        "b3": noise(20),
    }
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 20))],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    folder = tmp_path_factory.mktemp("network")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), folder / "model.onnx")
    return import_model(Request(reference="model.onnx", folder=folder)).model


def run(model: Model, x: np.ndarray, folder: Path) -> np.ndarray:
    model.save(folder)
    return Reference().load(folder / "model.onnx", RunOptions()).run({"x": x})["y"]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: f"{scheme.name}-{scheme.precision}")
def test_a_scheme_gives_a_model_close_to_float(scheme: Scheme, network: Model, tmp_path: Path) -> None:
    x = noise(64, 3, 8, 8, seed=1)
    result = Quantize(scheme.precision).informed(calibrate(network, {"x": x}), scheme)(network)
    assert "DequantizeLinear" in {one.op_type for one in result.graph}
    expected, got = run(network, x, tmp_path), run(result, x, tmp_path)
    # of the signal a thousandth is noise at eight bits; four-bit weights have 1/14 of the range as their step
    least_db = 15 if scheme.precision is Precision.WEIGHT_ONLY_WI4_AFP32 else 25
    assert 10 * np.log10(np.var(expected) / np.var(got - expected)) > least_db


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: f"{scheme.name}-{scheme.precision}")
def test_a_scheme_is_listed_under_its_precision_and_has_a_weight_axis_for_each_weight(scheme: Scheme) -> None:
    assert scheme.precision.integer
    assert scheme.precision.static == (scheme.activations is not None)
    for rule in scheme.ops.values():
        assert (Role.WEIGHT in rule.inputs) == (rule.weight_axis is not None)
