"""A Pad in front of a pooling stays what it is: onnxruntime itself would take its zeros for padding, which is less."""

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.runtime import OnnxRuntime as Runtime
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.targets.runtime import RunOptions

BELOW = np.full((1, 1, 2, 2), -1, np.float32)


@pytest.mark.parametrize("format_", ["", "ort"])
@pytest.mark.parametrize(
    ("pool", "pads", "expected"),
    [
        ("MaxPool<kernel_shape=[2,2]>", [0, 0, 1, 1, 0, 0, 0, 0], [[0, 0], [0, -1]]),
        ("MaxPool<kernel_shape=[1,2]>", [0, 0, 0, 2, 0, 0, 0, 0], [[0, 0, -1], [0, 0, -1]]),  # as wide as the kernel
        ("AveragePool<kernel_shape=[1,2]>", [0, 0, 0, 2, 0, 0, 0, 0], [[0, -0.5, -1], [0, -0.5, -1]]),
    ],
)
def test_zeros_in_front_of_a_pooling_are_zeros(pool, pads, expected, format_, hub_of_text, tmp_path):
    size = f"{len(expected)},{len(expected[0])}"
    text = f"(float[1,1,2,2] x) => (float[1,1,{size}] y) {{ wide = Pad(x, pads) y = {pool}(wide) }}"
    model = hub_of_text(text, {"pads": np.array(pads)})
    artifact = OnnxRuntime().compile(model, Options(variant="fp32", format=format_), tmp_path)
    got = Runtime().load(tmp_path / artifact.files[0].path, RunOptions()).run({"x": BELOW})
    assert got["y"].tolist() == [[expected]]
