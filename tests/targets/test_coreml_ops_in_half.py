"""Core ML: what holds integers or places in an image as floats stays float32 in a program of float16."""

from dataclasses import replace

import numpy as np
import pytest

from edgewright.compiler.model import Precision
from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions

RANDOM = np.random.default_rng(0)


@pytest.fixture
def in_half(tmp_path, hub_of_text):
    """Compile text to compute in float16 and give the output `y`."""

    def run(text, feeds, weights):
        model = replace(hub_of_text(text, weights), precision=Precision.FP16)
        artifact = CoreML().compile(model, Options(variant="fp16"), tmp_path)
        return Runtime().load(tmp_path / artifact.files[0].path, RunOptions()).run(feeds)["y"]

    return run


def test_sums_of_integers_stay_exact(in_half):
    x, w = RANDOM.integers(0, 256, (1, 3, 2, 2)), RANDOM.integers(0, 256, (2, 3, 2, 2))
    text = "(uint8[1,3,2,2] x) => (int32[1,2,1,1] y) { y = ConvInteger(x, w) }"
    got = in_half(text, {"x": x.astype(np.int32)}, {"w": w.astype(np.uint8)})
    assert got.ravel().tolist() == np.einsum("nchw,mchw->m", x, w).tolist()


def test_quantized_products_stay_on_their_grid(in_half):
    a, b = RANDOM.integers(0, 256, (4, 60)), RANDOM.integers(0, 256, (60, 3))
    weights = {"s": np.float32(2**-6), "t": np.float32(2), "b": b.astype(np.uint8), "z": np.uint8(0)}
    text = "(uint8[4,60] a) => (uint8[4,3] y) { y = QLinearMatMul(a, s, z, b, s, z, t, z) }"
    got = in_half(text, {"a": a.astype(np.int32)}, weights)
    assert got.tolist() == np.clip(np.round(a @ b * 2.0**-13), 0, 255).tolist()


def test_places_in_a_large_image_stay_places(in_half):
    image = RANDOM.permutation(np.arange(3000) % 512).astype(np.float32).reshape(1, 1, 1, 3000)
    chosen = np.array([5, 2047, 2048, 2049, 2999])
    grid = np.stack([(2 * chosen + 1) / 3000 - 1, np.zeros(5)], -1).astype(np.float32).reshape(1, 1, 5, 2)
    text = '(float[1,1,1,3000] x, float[1,1,5,2] g) => (float[1,1,1,5] y) { y = GridSample<mode = "nearest">(x, g) }'
    assert in_half(text, {"x": image, "g": grid}, {}).ravel().tolist() == image.ravel()[chosen].tolist()
