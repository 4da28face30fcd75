"""Random graphs through TF.js on wasm: they compute what ONNX Runtime computes. Equal seeds draw equal graphs."""

import numpy as np
import onnxruntime
import pytest
from edgewright_random_graphs import drawn

from edgewright.targets.adapt import adapt
from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tfjs import runtime
from edgewright.targets.tfjs.target import TFJS


def compute(seed, hub_of_proto, folder):
    """Give the outputs of the graph that a seed draws, of TF.js and of ONNX Runtime; None where nothing was drawn."""
    graph = drawn(seed)
    if graph is None:
        return None
    proto = graph.proto()
    model = hub_of_proto(proto)
    artifact = TFJS().compile(model, Options(variant="fp32"), folder)
    x = graph.draw()
    got = runtime.TFJS().load(folder / "model.json", RunOptions()).run({"x": x})
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    pairs = zip(model.signature.outputs, artifact.signature.outputs, session.run(None, {"x": x}), strict=True)
    return {spec.name: (adapt(got[spec.name], given, spec), expected) for spec, given, expected in pairs}


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_compute_the_same(seed, hub_of_proto, tmp_path):
    for name, (got, expected) in (compute(seed, hub_of_proto, tmp_path) or {}).items():
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape), name
        if expected.dtype != np.float32:
            np.testing.assert_array_equal(got, expected, err_msg=name)
        elif np.isfinite(expected).all():
            # sums of a few hundred numbers in another order, and kernels of sin, exp and erf of their own
            np.testing.assert_allclose(
                got, expected, rtol=1e-4, atol=1e-4 * max(1, np.abs(expected).max()), err_msg=name
            )
