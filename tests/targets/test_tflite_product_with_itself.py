"""A product of one tensor with itself: XNNPACK computes it wrongly where a TRANSPOSE makes both operands."""

import numpy as np
import pytest

WEIGHTS = {"w": np.random.default_rng(0).standard_normal((4, 4, 1, 1)).astype(np.float32)}


@pytest.mark.parametrize(
    "product",
    ["y = MatMul(a, a)", "t = Transpose<perm=[0,1,3,2]>(a) y = MatMul(a, t)", "r = Relu(a) y = MatMul(r, r)"],
)
def test_a_channels_last_tensor_times_itself_is_right(lite, product):
    built = lite(f"(float[1,4,4,4] x) => (float[1,4,4,4] y) {{ a = Conv(x, w) {product} }}", WEIGHTS)
    given = built.session.run(built.feeds)["y"]
    np.testing.assert_allclose(given, built.outputs["y"], atol=1e-4 * max(1.0, float(np.abs(given).max())))
