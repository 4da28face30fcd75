"""Core ML: a program of float16 keeps the integers that it holds; only indices into short axes may be of 16 bits."""

from dataclasses import replace

import numpy as np
import pytest

from edgewright.compiler.model import Precision
from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions


@pytest.fixture(params=["iOS15", "iOS17"])
def in_half(request, tmp_path, hub_of_text):
    """Compile text to compute in float16 and give the outputs."""

    def run(text, feeds):
        model = replace(hub_of_text(text), precision=Precision.FP16)
        options = Options(variant="fp16", settings={"deployment_target": request.param})
        artifact = CoreML().compile(model, options, tmp_path)
        return Runtime().load(tmp_path / artifact.files[0].path, RunOptions()).run(feeds)

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
    outputs = in_half(text, {"x": np.array(numbers, np.int32)[:, None]})
    assert outputs["y"].tolist() == numbers


def test_an_index_into_a_long_axis_keeps_its_width(in_half):
    text = "(float[40000] x, int32[1] i) => (float[1] y) { y = Gather(x, i) }"
    x = np.zeros(40_000, np.float32)
    x[39_999] = 1
    outputs = in_half(text, {"x": x, "i": np.array([39_999], np.int32)})
    assert outputs["y"].tolist() == [1]
