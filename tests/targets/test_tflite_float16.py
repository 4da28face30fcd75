"""A float16 variant stores its weights in 16 bits and computes with the same numbers."""

import numpy as np
import pytest

from edgewright.compiler.recipe import apply, parse

TEXT = """(float[1,3,12,12] x) => (float[1,20] y) {
    a = Conv<pads=[1,1,1,1]>(x, w1, b1) r = Relu(a)
    c = Conv<group=24>(r, w2) s = Mul(c, scale) g = GlobalAveragePool(s) f = Flatten(g) y = MatMul(f, w3)
}"""


@pytest.fixture
def model(hub_of_text):
    generator = np.random.default_rng(0)
    shapes = {"w1": (24, 3, 3, 3), "b1": (24,), "w2": (24, 1, 3, 3), "scale": (24, 1, 1), "w3": (24, 20)}
    return hub_of_text(
        TEXT, {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    )


def half(model):
    return apply(model, parse(["float16"], where="recipes.fp16"))


def test_it_computes_with_the_halved_weights_exactly(lite, model):
    # `lite` compares with onnxruntime on the halved model: only the order of sums differs.
    built = lite(None, model=half(model))
    assert built.artifact.precision == "fp16"
    assert built.ops["DEQUANTIZE"] == 3


def test_it_is_half_the_size(lite, hub_of_text):
    table = np.random.default_rng(0).standard_normal((300, 64)).astype(np.float32)
    model = hub_of_text("(int64[1,5] ids) => (float[1,5,64] y) { y = Gather(table, ids) }", {"table": table})
    whole, halved = lite(None, model=model), lite(None, model=half(model))
    assert halved.artifact.size_bytes < 0.55 * whole.artifact.size_bytes


def test_weights_that_float16_cannot_hold_stay_float32(lite, hub_of_text):
    large = np.full((200, 4), 1e6, np.float32)
    model = hub_of_text("(float[1,200] x) => (float[1,4] y) { y = MatMul(x, w) }", {"w": large})
    built = lite(None, model=half(model), atol=100.0)  # sums of 200 numbers about 1e6, in float32
    assert "DEQUANTIZE" not in built.ops
