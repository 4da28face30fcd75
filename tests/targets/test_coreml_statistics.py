"""A program of float16 keeps in float32 what float16 does not hold."""

import numpy as np
import onnx
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions

NORM = """<ir_version: 10, opset_import: ["" : 20]> g (float[1,64,8] x) => (float[1,64,8] y)
<float[1] n = {0.015625}, int64[1] axes = {1}, float[1] epsilon = {0.00001}>
{
    sum = ReduceSum <keepdims = 1> (x, axes)
    square = Mul (x, x)
    squares = ReduceSum <keepdims = 1> (square, axes)
    second = Mul (squares, n)
    mean = Mul (sum, n)
    first = Mul (mean, mean)
    variance = Sub (second, first)
    shifted = Add (variance, epsilon)
    deviation = Sqrt (shifted)
    centred = Sub (x, mean)
    y = Div (centred, deviation)
}"""


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 400.0), (40.0, 2.0)], ids=["large", "far from zero"])
def test_a_norm_over_differences_of_squares_is_as_right_as_its_inputs(tmp_path, mean, deviation):
    onnx.save(onnx.parser.parse_model(NORM), tmp_path / "model.onnx")
    model = CLEANUP(import_model(Request(reference="model.onnx", folder=tmp_path)).model)
    out = tmp_path / "out"
    out.mkdir()
    artifact = CoreML().compile(apply(model, parse(["float16"], where="fp16")), Options(variant="fp16"), out)
    x = (np.random.default_rng(0).normal(size=(1, 64, 8)) * deviation + mean).astype(np.float32)
    y = Runtime().load(out / artifact.files[0].path, RunOptions()).run({"x": x})["y"]
    held = x.astype(np.float16).astype(np.float64)
    exact = (held - held.mean(axis=1, keepdims=True)) / held.std(axis=1, keepdims=True)
    # the centred number is rounded once in float16, beside a mean of up to 20 deviations: 20 · 2⁻¹¹ = 1e-2
    np.testing.assert_allclose(y, exact, atol=1.5e-2)
