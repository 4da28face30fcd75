"""The examples of CONTRIBUTING.md, run as they stand there."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime

from edgewright.compiler.model import Model
from edgewright.devices.local import LocalSettings
from edgewright.targets.base import Options
from edgewright.vocabulary.signature import Signature, TensorSpec
from edgewright.vocabulary.source import Source

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
BLOCKS = dict(re.findall(r"```python\n# (\S+)\.py\n(.*?)```", TEXT, re.DOTALL))


def example(path: str) -> dict[str, Any]:
    package, _, name = path.replace("/", ".").rpartition(".")
    space: dict[str, Any] = {"__name__": f"edgewright.{package}.{name}", "__package__": f"edgewright.{package}"}
    exec(compile(BLOCKS[path], path, "exec"), space)
    return space


def square() -> Model:
    x = ir.val("x", ir.DataType.FLOAT, ["batch", 3])
    two = ir.Value(name="two", const_value=ir.tensor(np.array(2.0, np.float32), name="two"))
    node = ir.node("Pow", [x, two], name="square")
    node.outputs[0].name, node.outputs[0].dtype = "y", ir.DataType.FLOAT
    node.outputs[0].shape = ir.Shape(["batch", 3])
    graph = ir.Graph([x], node.outputs, nodes=[node], initializers=[two], opset_imports={"": 20}, name="square")
    spec = {"dtype": "float32", "shape": ("batch", 3)}
    return Model(
        ir=ir.Model(graph, ir_version=10),
        signature=Signature(inputs=(TensorSpec(name="x", **spec),), outputs=(TensorSpec(name="y", **spec),)),
        source=Source(reference="square", framework="onnx", digest="0" * 64, tools={}),
    )


def test_the_pass_squares_by_multiplying(tmp_path: Path) -> None:
    model = example("compiler/passes/square_as_mul")["SquareAsMul"]()(square())
    assert [node.op_type for node in model.graph] == ["Mul"]
    ir.save(model.ir, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert session.run(None, {"x": np.array([[1, 2, 3]], np.float32)})[0].tolist() == [[1, 4, 9]]


def test_the_target_compiles_what_its_runtime_opens(tmp_path: Path) -> None:
    target = example("targets/plain/target")["Plain"]()
    artifact = target.compile(square(), Options(variant="fp32"), tmp_path)
    assert artifact.name == "plain-fp32"
    assert artifact.ops == {"Pow": 1}
    assert "Pow" in target.ops()
    session = onnxruntime.InferenceSession(str(tmp_path / artifact.files[0].path))
    assert session.run(None, {"x": np.array([[3, 0, 1]], np.float32)})[0].tolist() == [[9, 0, 1]]


def test_the_device_says_what_it_is() -> None:
    device = example("devices/one_core")["OneCore"]("alone", LocalSettings())
    assert (device.kind, device.facts().kind) == ("one-core", "one-core")


def test_every_example_was_found() -> None:
    assert sorted(BLOCKS) == ["compiler/passes/square_as_mul", "devices/one_core", "targets/plain/target"]
