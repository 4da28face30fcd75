"""What was found by random graphs: shapes that disagree are refused, and moving transposes ends."""

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RefusedError


def test_another_shape_than_the_hubs_own_is_refused(hub_of_text, tmp_path):
    model = hub_of_text(
        """(float[1,2,1] x) => (float[1,2,2] y) {
            y = AveragePool<kernel_shape=[2], pads=[1,1], strides=[2], ceil_mode=1>(x)
        }"""
    )
    with pytest.raises(RefusedError, match=r"its output 0 would have the shape \[1, 2, 1\], not \[1,2,2\]"):
        TFLite().compile(model, Options(variant="fp32"), tmp_path)


def test_a_reshape_between_transposes_that_undo_each_other_ends(lite):
    generator = np.random.default_rng(0)
    weights = {
        "w": generator.standard_normal((5, 5)).astype(np.float32),
        "shape": np.array([1, 5, 5]),
        "kernel": generator.standard_normal((3, 5, 1)).astype(np.float32),
    }
    text = """(float[5,5] x) => (float[1,3,5] y, float[5,5] kept) {
        m = MatMul(x, w)
        kept = Relu(m)
        t = Transpose<perm=[1,0]>(kept)
        r = Reshape(t, shape)
        y = Conv(r, kernel)
    }"""
    as_is = lite(text, weights)
    turned = lite(text, weights, feeds=as_is.feeds, layout={"y": "NWC"})
    np.testing.assert_array_equal(turned.outputs["y"], as_is.outputs["y"].transpose(0, 2, 1))
