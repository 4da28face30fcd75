"""Models whose inputs or outputs are not plain rows of float32."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

Run = Callable[..., subprocess.CompletedProcess[str]]


def write(path: Path, nodes: list[onnx.NodeProto], inputs: dict[str, tuple], outputs: dict[str, tuple]) -> Path:
    values = [
        [helper.make_tensor_value_info(name, dtype, shape) for name, (dtype, shape) in places.items()]
        for places in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "odd", *values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("target", ["onnxruntime", "tflite"])
def test_a_single_number_may_go_in_and_come_out(edgewright: Run, tmp_path: Path, target: str) -> None:
    square = helper.make_node("Mul", ["s", "s"], ["y"])
    model = write(tmp_path / "scalar.onnx", [square], {"s": (TensorProto.FLOAT, [])}, {"y": (TensorProto.FLOAT, [])})
    done = edgewright("build", model, "-t", target, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr


def test_bfloat16_from_outside_is_refused(edgewright: Run, tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
    shape = ["batch", 8]
    model = write(
        tmp_path / "brain.onnx", [cast], {"x": (TensorProto.BFLOAT16, shape)}, {"y": (TensorProto.FLOAT, shape)}
    )
    done = edgewright("build", model, "-t", "onnxruntime", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "input 'x' is bfloat16, which no runtime takes from outside" in done.stderr


def test_an_output_that_is_no_row_of_its_own_is_refused_with_a_way_out(edgewright: Run, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
    ]
    shape = ["batch", 8]
    outputs = {"y": (TensorProto.FLOAT, shape), "mean": (TensorProto.FLOAT, [])}
    model = write(tmp_path / "mean.onnx", nodes, {"x": (TensorProto.FLOAT, shape)}, outputs)
    done = edgewright("build", model, "-t", "tflite", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "output 'mean' of shape [] does not hold one row" in done.stderr
    assert "leave that output out" in done.stderr
    assert edgewright("build", model, "-t", "tflite", "--output", "y", "-o", tmp_path / "out").returncode == 0
