"""Core ML: a program of float16 keeps the integers that it holds; only indices into short axes may be of 16 bits."""

import numpy as np
import pytest

from edgewright.compiler.model import Precision
from edgewright.targets.coreml.deployment import Deployment
from edgewright.targets.coreml.emit import emit
from edgewright.targets.coreml.package import write
from edgewright.targets.coreml.precision import passes
from edgewright.targets.coreml.runtime import CoreML
from edgewright.targets.runtime import RunOptions


@pytest.fixture(params=[Deployment.IOS15, Deployment.IOS17], ids=lambda each: each.label)
def in_half(request, tmp_path, hub_of_text):
    def run(text, feeds):
        emitted = emit(hub_of_text(text), request.param)
        assert not emitted.coverage.refused
        package = write(emitted, tmp_path, {}, passes(Precision.FP16))
        return CoreML().load(tmp_path / "model.mlpackage", RunOptions()).run(feeds), package.operations

    return run


@pytest.mark.parametrize(
    "node",
    [
        "Squeeze(x, one)",
        "Gather<axis = 1>(x, place)",
        "GatherND(x, places)",
        "ReduceMax<keepdims = 0>(best, one)",
    ],
)
def test_integers_that_are_data_keep_their_width(in_half, node):
    text = f"""(int32[3,1] x) => (int32[3] y)
        <int64[1] one = {{1}}, int64 place = {{0}}, int64[3,2] places = {{0, 0, 1, 0, 2, 0}}> {{
        best, at = TopK<axis = 1>(x, one)
        y = {node}
    }}"""
    numbers = [100_000, -70_001, 32_768]
    outputs, _ = in_half(text, {"x": np.array(numbers, np.int32)[:, None]})
    assert outputs["y"].tolist() == numbers


def test_an_index_into_a_long_axis_keeps_its_width(in_half):
    text = "(float[40000] x, int32[1] i) => (float[1] y) { y = Gather(x, i) }"
    x = np.zeros(40_000, np.float32)
    x[39_999] = 1
    outputs, _ = in_half(text, {"x": x, "i": np.array([39_999], np.int32)})
    assert outputs["y"].tolist() == [1]
