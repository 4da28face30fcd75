"""The step on models from PyTorch and from ONNX, and in front of `quantize`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.inspect import summarize
from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.runtime import OnnxRuntime as Runtime
from edgewright.targets.onnxruntime.schemes import SCHEMES
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.signature import TensorDeclaration

Build = Callable[..., Model]
Rows = Callable[[Model, int], dict[str, np.ndarray]]
Run = Callable[..., dict[str, np.ndarray]]

MODULE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.head = nn.Conv2d(16, 32, 3, stride=2), nn.BatchNorm2d(32), nn.Linear(32, 24)
        nn.init.uniform_(self.norm.weight, 0.5, 2.0)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


def net():
    return Net().eval()
"""

AS_ONNX = """<ir_version: 9, opset_import: ["" : 20]>
    g (float[n, 16, 9, 9] x) => (float[n, 24] y) {
    h = Conv <strides = [2, 2]> (x, conv.weight, conv.bias)
    i = BatchNormalization (h, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    r = Relu (i)
    p = ReduceMean <keepdims = 0> (r, axes)
    t = Transpose <perm = [1, 0]> (head.weight)
    m = MatMul (p, t)
    y = Add (m, head.bias) }"""


@pytest.fixture
def both(tmp_path: Path) -> tuple[Model, Model]:
    """One network, imported as a module and as an ONNX file that says it in other words."""
    import torch

    (tmp_path / "net.py").write_text(MODULE)
    x = TensorDeclaration(dtype="float32", shape=("n", 16, 9, 9))
    asked = Request(reference="net.py:net", folder=tmp_path, inputs={"x": x}, outputs={"y": TensorDeclaration()})
    scope: dict[str, Callable[[], torch.nn.Module]] = {}
    exec(MODULE, scope)
    text = AS_ONNX
    proto = onnx.parser.parse_model(text.replace(".", "_"))
    for name, tensor in scope["net"]().state_dict().items():
        if tensor.ndim:
            proto.graph.initializer.append(onnx.numpy_helper.from_array(tensor.numpy(), name.replace(".", "_")))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 3]), "axes"))
    onnx.save(proto, tmp_path / "net.onnx")
    other = Request(reference="net.onnx", folder=tmp_path)
    return CLEANUP(import_model(asked).model), CLEANUP(import_model(other).model)


def test_a_module_and_its_onnx_file_become_one_model(both: tuple[Model, Model], rows: Rows, run: Run) -> None:
    """The same ranks, and outputs as near to each other as before: factors themselves may be turned."""
    recipe = parse([{"low_rank": {"macs": "60%", "multiple": 4}}], where="test")
    from_module, from_file = (apply(model, recipe) for model in both)
    inputs = rows(both[0], 4)

    assert summarize(from_module).macs == summarize(from_file).macs < 0.6 * summarize(both[0]).macs
    assert np.abs(run(from_module, inputs)["y"] - run(both[0], inputs)["y"]).max() > 0.01
    np.testing.assert_allclose(run(from_module, inputs)["y"], run(from_file, inputs)["y"], rtol=0, atol=2e-6)


def test_factors_become_integers(build: Build, rows: Rows, run: Run, tmp_path: Path) -> None:
    model = build("""<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 16, 10, 10] x) => (float[n, 32] y)
        <float[48,16,3,3] a, float[48] ab, float[48,32] c> {
        h = Conv <pads = [1, 1, 1, 1]> (x, a, ab)
        r = Relu (h)
        p = GlobalAveragePool (r)
        f = Flatten (p)
        y = MatMul (f, c) }""")
    steps = [{"low_rank": {"energy": "99.9%"}}, {"quantize": {"precision": "static_wi8_ai8"}}]
    recipe, inputs = parse(steps, where="test"), rows(model, 64)
    small = apply(model, parse(steps[:1], where="test"))
    integer = apply(small, parse(steps[1:], where="test"), ranges=calibrate(small, inputs), schemes=SCHEMES)
    artifact = OnnxRuntime().compile(integer, Options(variant="v"), tmp_path)

    assert [step.name for step in recipe.steps] == ["low_rank", "quantize"]
    assert {op: count for op, count in artifact.ops.items() if "Conv" in op} == {"QLinearConv": 3}
    found = Runtime().load(tmp_path / artifact.files[0].path, RunOptions()).run(inputs)["y"]
    expected = run(model, inputs)["y"]
    assert np.sqrt(np.square(found - expected).mean() / np.square(expected).mean()) < 0.05  # int8: some 1% a layer
