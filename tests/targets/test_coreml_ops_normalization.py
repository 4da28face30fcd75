"""Normalizations: by Core ML's own operation where its parameters are constants, else step by step, with one result."""

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

X = np.random.default_rng(8).standard_normal((2, 6, 4, 3)).astype(np.float32) * 3 + 1
CHANNELS = {
    name: np.random.default_rng(9 + place).uniform(0.5, 2, 6).astype(np.float32) for place, name in enumerate("sbmv")
}


def both(coreml, text, constants, weights, opset=22):
    """Run a node once with its parameters as constants and once as inputs; give both, and what ONNX defines."""
    built = coreml(text.format(more=""), {"x": X}, weights, opset=opset)
    names = "".join(f", float{list(weights[name].shape)} {name}" for name in constants)
    rest = {name: array for name, array in weights.items() if name not in constants}
    open_ = coreml(text.format(more=names), {"x": X, **{name: weights[name] for name in constants}}, rest, opset=opset)
    wanted = ReferenceEvaluator(ir.to_proto(built.model.ir)).run(None, {"x": X})
    return built, open_, wanted


@pytest.mark.parametrize(
    ("node", "parameters", "native"),
    [
        ("BatchNormalization<epsilon=0.01>(x, s, b, m, v)", "sbmv", "batch_norm"),
        ("InstanceNormalization<epsilon=0.01>(x, s, b)", "sb", "instance_norm"),
        ("GroupNormalization<num_groups=3, epsilon=0.01>(x, s, b)", "sb", "layer_norm"),
    ],
)
def test_by_channel(coreml, node, parameters, native):
    text = f"(float[2,6,4,3] x{{more}}) => (float[2,6,4,3] y) {{{{ y = {node} }}}}"
    weights = {name: CHANNELS[name] for name in parameters}
    built, open_, wanted = both(coreml, text, parameters, weights)
    for each in (built, open_):
        np.testing.assert_allclose(each.outputs["y"], wanted[0], rtol=1e-5, atol=2e-6)
    assert native in built.operations


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("narrow", [False, True])
def test_layer_normalization_scales_of_every_shape(coreml, axis, narrow):
    sizes = X.shape[axis:]
    generator = np.random.default_rng(10)
    scale, bias = (generator.standard_normal(sizes[-1:] if narrow else sizes).astype(np.float32) for _ in range(2))
    text = (
        "(float[2,6,4,3] x{more}) => (float[2,6,4,3] y) "
        f"{{{{ y = LayerNormalization<axis={axis}, epsilon=0.001>(x, s, b) }}}}"
    )
    built, open_, wanted = both(coreml, text, "sb", {"s": scale, "b": bias})
    for each in (built, open_):
        np.testing.assert_allclose(each.outputs["y"], wanted[0], rtol=1e-5, atol=2e-6)
    assert set(built.operations) == {"layer_norm"}


def test_layer_normalization_tells_what_it_divided_by(coreml):
    text = (
        "(float[2,6,4,3] x) => (float[2,6,4,3] y, float[2,6,1,1] mean, float[2,6,1,1] deviation) "
        "{ y, mean, deviation = LayerNormalization<axis=2>(x, s) }"
    )
    built = coreml(text, {"x": X}, {"s": np.ones((4, 3), np.float32)})
    wide = X.astype(np.float64)
    np.testing.assert_allclose(built.outputs["mean"], wide.mean((2, 3), keepdims=True), rtol=1e-5, atol=1e-6)
    wanted = 1 / np.sqrt(wide.var((2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(built.outputs["deviation"], wanted, rtol=1e-5)


@pytest.mark.parametrize("axis", [-1, 2])
def test_rms_normalization(coreml, axis):
    scale = np.random.default_rng(11).standard_normal(X.shape[axis:]).astype(np.float32)
    text = f"(float[2,6,4,3] x) => (float[2,6,4,3] y) {{ y = RMSNormalization<axis={axis}>(x, s) }}"
    built = coreml(text, {"x": X}, {"s": scale}, opset=23)
    axes = tuple(range(axis % 4, 4))
    wanted = X / np.sqrt((X.astype(np.float64) ** 2).mean(axes, keepdims=True) + 1e-5) * scale
    np.testing.assert_allclose(built.outputs["y"], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_a_norm_of_zero_gives_zeros(coreml, p):
    x = np.array([[0, 0, 0], [3, 4, 0], [-1, 0, 1]], np.float32)
    text = f"(float[3,3] x) => (float[3,3] y) {{ y = LpNormalization<p={p}, axis=1>(x) }}"
    got = coreml(text, {"x": x}, opset=22).outputs["y"]
    norms = {1: [1, 7, 2], 2: [1, 5, np.sqrt(2)]}[p]
    np.testing.assert_allclose(got, x / np.reshape(norms, (3, 1)), rtol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (2, 6, 4), (2, 6, 2, 2, 3)])
def test_windows_of_neighbours(coreml, size, shape):
    x = np.random.default_rng(12).standard_normal(shape).astype(np.float32)
    sizes = list(shape)
    text = f"(float{sizes} x) => (float{sizes} y) {{ y = LRN<size={size}, alpha=0.3, beta=0.6, bias=1.5>(x) }}"
    squares = np.zeros(shape)
    for channel in range(6):
        first, last = max(0, channel - (size - 1) // 2), min(5, channel + size // 2)
        squares[:, channel] = (x[:, first : last + 1].astype(np.float64) ** 2).sum(1)
    got = coreml(text, {"x": x}).outputs["y"]
    np.testing.assert_allclose(got, x / (1.5 + 0.3 / size * squares) ** 0.6, rtol=1e-5)


def test_batch_statistics_in_training(coreml):
    text = (
        "(float[2,6,4,3] x) => (float[2,6,4,3] y, float[6] mean, float[6] variance) "
        "{ y, mean, variance = BatchNormalization<training_mode=1, momentum=0.8>(x, s, b, m, v) }"
    )
    built = coreml(text, {"x": X}, CHANNELS)
    wanted = ReferenceEvaluator(ir.to_proto(built.model.ir)).run(None, {"x": X})
    for name, array in zip(("y", "mean", "variance"), wanted, strict=True):
        np.testing.assert_allclose(built.outputs[name], array, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float", "float16"])
def test_what_does_not_vary_is_normalized_to_zero(coreml, dtype):
    x = np.full((1, 2, 3, 3), 5, "float32" if dtype == "float" else dtype)
    text = f"({dtype}[1,2,3,3] x) => ({dtype}[1,2,3,3] y) {{ y = MeanVarianceNormalization(x) }}"
    assert not coreml(text, {"x": x}).outputs["y"].any()
