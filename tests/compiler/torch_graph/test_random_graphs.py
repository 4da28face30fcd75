"""Random graphs in PyTorch, as they are and exported: they compute what ONNX Runtime computes."""

import numpy as np
import pytest
import torch
from edgewright_random_graphs import drawn

from edgewright.compiler.torch_graph.dtypes import tensor_from
from edgewright.compiler.torch_graph.graph import to_torch


def check(got, expected):
    for result, wanted in zip(got, expected, strict=True):
        assert (result.dtype, result.shape) == (wanted.dtype, wanted.shape)
        if wanted.dtype != np.float32:
            np.testing.assert_array_equal(result, wanted)
        elif np.isfinite(wanted).all():
            # sums of a few hundred numbers in another order, and kernels of sin, exp and erf of their own
            np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4 * max(1, np.abs(wanted).max(initial=0)))


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_compute_the_same(seed, hub_of, compute, reference):
    graph = drawn(seed)
    if graph is None:
        return
    proto, x = graph.proto(), graph.draw()
    check(compute(to_torch(hub_of(proto)).whole(), [x]), reference(proto, [x]))


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_what_is_exported_computes_the_same(seed, hub_of, compute, reference):
    graph = drawn(seed)
    if graph is None:
        return
    proto, x = graph.proto(), graph.draw()
    exported = torch.export.export(to_torch(hub_of(proto)).whole(), (tensor_from(x),), strict=False)
    check(compute(exported.module(), [x]), reference(proto, [x]))
