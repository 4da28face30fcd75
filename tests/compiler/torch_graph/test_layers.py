"""Layers with constant weights: which modules they become, whose the weights are, and that they can be trained."""

import numpy as np
import pytest
import torch

from edgewright.compiler.torch_graph.dtypes import tensor_from
from edgewright.compiler.torch_graph.graph import to_torch

BATCH = torch.export.Dim("batch", min=1, max=64)

CONV_NET = """(float[N,3,9,7] x) => (float[N,5] y) {
    c = Conv<strides=[2,2], pads=[0,0,1,1]>(x, w, b)
    n = BatchNormalization<epsilon=0.01>(c, gamma, beta, mean, variance)
    r = PRelu(n, slope)
    t = ConvTranspose<strides=[2,2], output_padding=[1,0]>(r, u)
    l = LayerNormalization<axis=-1>(t, scale)
    p = MaxPool<kernel_shape=[3,3], auto_pad="SAME_UPPER", strides=[2,2]>(l)
    g = GlobalAveragePool(p)
    f = Flatten(g)
    y = Gemm<transB=1, alpha=0.5>(f, v, k)
}"""


def numbers(seed, **shapes):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def conv_net(proto_of):
    weights = numbers(0, w=(4, 3, 3, 3), b=4, gamma=4, beta=4, mean=4, slope=(4, 1, 1), u=(4, 2, 3, 3), v=(5, 2), k=5)
    weights |= {"variance": np.full(4, 2, np.float32), "scale": np.linspace(1, 2, 7, dtype=np.float32)}
    return proto_of(CONV_NET, weights)


def test_layers_are_pytorchs_modules_with_the_weights_of_the_source(conv_net, hub_of):
    module = to_torch(hub_of(conv_net)).whole()
    assert [type(layer) for layer in module.children()] == [
        torch.nn.Conv2d,
        torch.nn.BatchNorm2d,
        torch.nn.PReLU,
        torch.nn.ConvTranspose2d,
        torch.nn.LayerNorm,
        torch.nn.Linear,
    ]
    conv = next(module.children())
    source = {tensor.name: tensor for tensor in conv_net.graph.initializer}
    np.testing.assert_array_equal(conv.weight.detach().numpy().tobytes(), source["w"].raw_data)
    np.testing.assert_array_equal(conv.bias.detach().numpy().tobytes(), source["b"].raw_data)


def test_gradients_reach_every_parameter(conv_net, hub_of):
    module = to_torch(hub_of(conv_net)).whole()
    module(torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(0)))[0].square().sum().backward()
    assert [name for name, weight in module.named_parameters() if not weight.grad.abs().sum() > 0] == []
    assert len([*module.parameters()]) == 9


def test_an_open_batch_of_a_convolutional_network_stays_open(conv_net, hub_of, compute, reference):
    module = to_torch(hub_of(conv_net)).whole()
    two, five = (numbers(batch, x=(batch, 3, 9, 7))["x"] for batch in (2, 5))
    exported = torch.export.export(module, (tensor_from(two),), strict=False, dynamic_shapes=[{0: BATCH}]).module()
    for x in (two, five):
        for made in (module, exported):
            np.testing.assert_allclose(compute(made, [x])[0], reference(conv_net, [x])[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        ("a = MatMul(x, w) y = MatMul(a, w)", 1),
        ("a = MatMul(x, w) y = Gemm(a, w)", 1),  # both want it transposed
        ("a = MatMul(x, w) y = Gemm<transB=1>(a, w)", 2),
        ("a = Gemm<alpha=0.5>(x, w) y = Gemm<alpha=0.25>(a, w)", 2),
    ],
)
def test_a_shared_weight_stays_one_parameter_in_each_form(nodes, count, proto_of, hub_of, compute, reference):
    proto = proto_of(f"(float[2,3] x) => (float[2,3] y) {{ {nodes} }}", numbers(1, w=(3, 3)))
    module = to_torch(hub_of(proto)).whole()
    assert len([*module.parameters()]) == count
    x = numbers(2, x=(2, 3))["x"]
    np.testing.assert_allclose(compute(module, [x])[0], reference(proto, [x])[0], rtol=1e-5, atol=1e-6)


POOLS = {
    "places in padding that is not even": (
        "MaxPool<kernel_shape=[2,3], strides=[2,2], pads=[0,0,1,2], storage_order=1>",
        True,
    ),
    "dilated": ("MaxPool<kernel_shape=[2,2], dilations=[3,2], pads=[1,1,1,1]>", True),
    "mean of dilated windows": ("AveragePool<kernel_shape=[2,3], dilations=[2,1], pads=[1,0,0,1]>", False),
    "mean with padding, rounded up": (
        "AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,0,1], ceil_mode=1, count_include_pad=1>",
        False,
    ),
    "norm of windows": ('LpPool<kernel_shape=[3,2], p=3, strides=[2,2], auto_pad="SAME_LOWER">', False),
}


@pytest.mark.parametrize("pool", POOLS)
def test_windows_lie_where_onnx_says(pool, proto_of, hub_of, compute, reference):
    operator, has_places = POOLS[pool]
    outputs, named = ("float[A,B,C,D] y, int64[A,B,C,D] i", "y, i") if has_places else ("float[A,B,C,D] y", "y")
    proto = proto_of(f"(float[2,3,7,8] x) => ({outputs}) {{ {named} = {operator}(x) }}")
    module = to_torch(hub_of(proto)).whole()
    x = numbers(3, x=(2, 3, 7, 8))["x"]
    exported = torch.export.export(module, (tensor_from(x),), strict=False).module()
    wanted = reference(proto, [x])
    for made in (module, exported):
        for got, expected in zip(compute(made, [x]), wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("operator", ["MaxPool<kernel_shape=[2,9]>", "LpPool<kernel_shape=[3,3], dilations=[4,1]>"])
def test_windows_that_do_not_fit_are_refused(operator, proto_of, hub_of):
    proto = proto_of(f"(float[1,1,7,8] x) => (float[1,1,H,W] y) {{ y = {operator}(x) }}")
    (entry,) = to_torch(hub_of(proto)).coverage.refused
    assert entry.detail.startswith("no window fits")


RESIZES = {
    "one row of four": ("nearest", 'nearest_mode="ceil", coordinate_transformation_mode="align_corners"', (1, 6)),
    "repeated": ("nearest", 'coordinate_transformation_mode="asymmetric", nearest_mode="floor"', (12, 15)),
    "between, with aligned corners": ("linear", 'coordinate_transformation_mode="align_corners"', (7, 3)),
    "between, of half pixels": ("linear", 'coordinate_transformation_mode="half_pixel"', (9, 10)),
    "a curve": ("cubic", "cubic_coeff_a=-0.5, exclude_outside=1", (6, 9)),
    "smaller, without aliases": ("linear", "antialias=1", (2, 3)),
}


@pytest.mark.parametrize("resize", RESIZES)
def test_images_are_resized_as_onnx_says(resize, proto_of, hub_of, compute, reference):
    mode, more, size = RESIZES[resize]
    text = f'y = Resize<mode="{mode}", {more}>(x, , , sizes)'
    shape = ",".join(map(str, (2, 3, *size)))
    proto = proto_of(f"(float[2,3,4,5] x) => (float[{shape}] y) {{ {text} }}", {"sizes": np.array([2, 3, *size])})
    x = numbers(4, x=(2, 3, 4, 5))["x"]
    (got,) = compute(to_torch(hub_of(proto)).whole(), [x])
    np.testing.assert_allclose(got, reference(proto, [x])[0], rtol=1e-4, atol=1e-5)
