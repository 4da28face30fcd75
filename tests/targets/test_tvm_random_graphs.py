"""Random graphs through TVM: they compute what ONNX Runtime computes. Equal seeds draw equal graphs."""

import numpy as np
import onnxruntime
import pytest
from edgewright_random_graphs import drawn

from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tvm import runtime
from edgewright.targets.tvm.target import TVM


def compute(seed, hub_of_proto, folder):
    """Give the outputs of the graph that a seed draws, of TVM and of ONNX Runtime; none where nothing was drawn."""
    graph = drawn(seed)
    if graph is None:
        return {}
    proto = graph.proto()
    model = hub_of_proto(proto)
    TVM().compile(model, Options(variant="fp32"), folder)
    x = graph.draw()
    got = runtime.TVM().load(folder / "model.so", RunOptions()).run({"x": x})
    expected = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    return {spec.name: (got[spec.name], wanted) for spec, wanted in zip(model.signature.outputs, expected, strict=True)}


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_compute_the_same(seed, hub_of_proto, tmp_path):
    for name, (got, expected) in compute(seed, hub_of_proto, tmp_path).items():
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape), name
        if expected.dtype != np.float32:
            np.testing.assert_array_equal(got, expected, err_msg=name)
        else:
            # sums of a few hundred numbers in another order, and kernels of sin, exp and erf of their own
            scale = max(1, np.abs(expected[np.isfinite(expected)]).max(initial=0))
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * scale, err_msg=name)
