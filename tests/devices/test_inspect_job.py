"""A device keeps tensors from the inside of an artifact, a call at a time."""

import numpy as np
import onnx
import pytest

from edgewright.devices.base import Inspect, Job
from edgewright.devices.local import Local
from edgewright.vocabulary.errors import DeviceError
from edgewright.vocabulary.tensor_folder import TensorFolder


@pytest.fixture
def doubled(tmp_path):
    """`d = 2·x`, `y = d + 1`, and `s`, a tensor that has no rows."""
    model = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["" : 20]>
        g (float[n,2] x) => (float[n,2] y) <float two = {2}, float one = {1}> {
            d = Mul(x, two)
            s = ReduceSum<keepdims=0>(d)
            y = Add(d, one)
        }""")
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def job(artifact, inputs, runtime, *tensors, rows_per_call=3):
    return Job(
        task=Inspect(inputs=inputs.path, rows_per_call=rows_per_call, batched=True, tensors=tensors),
        runtime=runtime,
        artifact=artifact,
        threads=1,
        output=artifact.parent / "shown",
        timeout_s=30.0,
    )


def test_the_first_axis_counts_the_calls(doubled, inputs):
    wanted = job(doubled, inputs, "edgewright.targets.onnxruntime.runtime:Reference", "d", "s")
    Local("here").run(wanted)
    shown = TensorFolder(wanted.output)
    rows = np.concatenate([inputs["x"], inputs["x"][-1:], inputs["x"][-1:]]).reshape(3, 3, 2)
    np.testing.assert_array_equal(shown["d"], 2 * rows)
    np.testing.assert_allclose(shown["s"], 2 * rows.sum((1, 2)))


def test_a_runtime_that_shows_nothing_says_so(doubled, inputs, toy_runtime):
    with pytest.raises(DeviceError, match="toy shows no inner tensors"):
        Local("here").run(job(doubled, inputs, toy_runtime, "d"))
