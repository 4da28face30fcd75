"""Convolutions and pooling of the interpreter, against PyTorch, and against numbers that the documentation gives."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agree(got, expected, tolerance=2e-5):
    """Tolerance: sums of some hundred products of numbers near 1, in another order."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected.numpy(), rtol=0, atol=tolerance)


def both(pads):
    return [pad for pad in pads for _ in range(2)]


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(("channels", "kernels", "groups"), [(6, 4, 1), (6, 4, 2), (6, 6, 6), (6, 12, 6), (1, 3, 1)])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_convolution_is_pytorchs(mil, axes, channels, kernels, groups, kernel):
    x, weight = drawn(2, channels, *(11, 9, 7)[:axes]), drawn(kernels, channels // groups, *[kernel] * axes, seed=1)
    bias, strides, dilations, pads = drawn(kernels, seed=2), (2, 1, 3)[:axes], (1, 2, 1)[:axes], (1, 2, 0)[:axes]
    got = mil(
        "conv", x=x, weight=weight, bias=bias, strides=strides, dilations=dilations, groups=groups,
        pad_type="custom", pad=np.array(both(pads)),
    )  # fmt: skip
    tensors = map(torch.from_numpy, (x, weight, bias))
    agree(got, CONV[axes](*tensors, stride=strides, dilation=dilations, padding=pads, groups=groups))


def test_a_large_convolution_is_made_in_blocks_without_a_seam(mil, monkeypatch):
    from edgewright.targets.coreml.interpreter.ops import convolution

    monkeypatch.setattr(convolution, "COLUMNS", 100)
    x, weight = drawn(2, 3, 13, 5), drawn(4, 3, 3, 3, seed=1)
    agree(mil("conv", x=x, weight=weight, pad_type="valid"), F.conv2d(*map(torch.from_numpy, (x, weight))))


def test_pads_may_differ_on_the_two_sides(mil):
    x, weight = drawn(1, 2, 5, 6), drawn(3, 2, 3, 3, seed=1)
    got = mil("conv", x=x, weight=weight, pad_type="custom", pad=np.array([0, 2, 3, 1]))
    wide = F.pad(torch.from_numpy(x), (3, 1, 0, 2))
    agree(got, F.conv2d(wide, torch.from_numpy(weight)))


def test_without_pad_type_nothing_is_padded(mil):
    assert mil("conv", x=drawn(1, 1, 5), weight=drawn(1, 1, 3)).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("kind", "size", "stride", "kernel", "expected"),
    [
        ("same", 4, 1, 2, [3, 5, 7, 4]),  # the odd element behind
        ("same_lower", 4, 1, 2, [1, 3, 5, 7]),
        ("same", 4, 2, 3, [6, 7]),  # one element in all: behind
        ("same_lower", 4, 2, 3, [3, 9]),
        ("same", 4, 2, 1, [1, 3]),
    ],
)
def test_same_makes_as_many_elements_as_strides_begin(mil, kind, size, stride, kernel, expected):
    x = np.arange(1, size + 1, dtype=np.float32).reshape(1, 1, size)
    got = mil("conv", x=x, weight=np.ones((1, 1, kernel), np.float32), strides=[stride], pad_type=kind)
    assert got.ravel().tolist() == expected


def test_half_precision_is_rounded_once_at_the_end(mil):
    x = np.full((1, 4096, 1), 1, np.float16)  # a sum in float16 stands still at 2048
    got = mil("conv", x=x, weight=np.ones((1, 4096, 1), np.float16), pad_type="valid")
    assert (got.dtype, got.item()) == (np.float16, 4096)


def test_the_result_has_the_dtype_of_the_input_not_of_the_weight(mil):
    got = mil("conv", opset="CoreML7", x=drawn(1, 2, 4), weight=drawn(3, 2, 1).astype(np.float16), pad_type="valid")
    assert got.dtype == np.float32


def test_channels_that_do_not_fit_the_groups_are_an_error(mil):
    with pytest.raises(ValueError, match="conv 'it': 5 channels, 2 groups"):
        mil("conv", x=drawn(1, 5, 4), weight=drawn(4, 2, 1), groups=2, pad_type="valid")


def test_an_unknown_padding_is_an_error(mil):
    with pytest.raises(ValueError, match="pad_type 'full' is unknown"):
        mil("conv", x=drawn(1, 1, 4), weight=drawn(1, 1, 1), pad_type="full")


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_transposed_convolution_is_pytorchs(mil, axes, groups):
    x, weight = drawn(2, 4, *(5, 4, 3)[:axes]), drawn(4, 3, *(3, 2, 4)[:axes], seed=1)
    bias = drawn(3 * groups, seed=2)
    strides, dilations, pads = (2, 3, 1)[:axes], (1, 2, 2)[:axes], (1, 0, 2)[:axes]
    got = mil(
        "conv_transpose", x=x, weight=weight, bias=bias, strides=strides, dilations=dilations, groups=groups,
        pad_type="custom", pad=np.array(both(pads)),
    )  # fmt: skip
    tensors = map(torch.from_numpy, (x, weight, bias))
    agree(got, TRANSPOSED[axes](*tensors, stride=strides, dilation=dilations, padding=pads, groups=groups))


def test_an_output_shape_is_pytorchs_output_padding(mil):
    x, weight = drawn(1, 2, 5, 5), drawn(2, 3, 3, 3, seed=1)
    got = mil(
        "conv_transpose", x=x, weight=weight, strides=[2, 2], pad_type="custom", pad=np.array([1, 1, 1, 1]),
        output_shape=np.array([1, 3, 10, 9]),
    )  # fmt: skip
    tensors = map(torch.from_numpy, (x, weight))
    agree(got, F.conv_transpose2d(*tensors, stride=2, padding=1, output_padding=(1, 0)))


@pytest.mark.parametrize(("size", "kernel", "stride"), [*itertools.product([4, 5], [1, 2, 3, 5], [1, 2, 3])])
def test_same_of_a_transposed_convolution_is_the_gradient_of_same(mil, size, kernel, stride):
    weight, length = drawn(2, 1, kernel), size * stride
    got = mil("conv_transpose", x=drawn(1, 2, size), weight=weight, strides=[stride], pad_type="same")
    forward = np.stack([
        mil("conv", x=row.reshape(1, 1, -1), weight=weight, strides=[stride], pad_type="same")[0]
        for row in np.eye(length, dtype=np.float32)
    ])  # fmt: skip
    expected = np.einsum("lcs,cs->l", forward, drawn(1, 2, size)[0])
    np.testing.assert_allclose(got.ravel(), expected, atol=1e-5)  # rounding of few products


def test_an_output_shape_that_cannot_be_is_an_error(mil):
    with pytest.raises(ValueError, match="no convolution"):
        mil(
            "conv_transpose", x=drawn(1, 1, 4), weight=drawn(1, 1, 3), strides=[2], pad_type="valid",
            output_shape=np.array([1, 1, 20]),
        )  # fmt: skip


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("excluded", [True, False])
def test_an_average_is_pytorchs(mil, axes, excluded):
    x, kernel, strides, pads = drawn(2, 3, *(9, 8, 7)[:axes]), (3, 2, 4)[:axes], (2, 1, 3)[:axes], (1, 1, 2)[:axes]
    got = mil(
        "avg_pool", x=x, kernel_sizes=kernel, strides=strides, pad_type="custom", pad=np.array(both(pads)),
        exclude_padding_from_average=excluded,
    )  # fmt: skip
    agree(got, AVERAGE[axes](torch.from_numpy(x), kernel, strides, pads, count_include_pad=not excluded))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_maximum_is_pytorchs(mil, axes):
    x, kernel, strides, pads = drawn(2, 3, *(9, 8, 7)[:axes]), (3, 2, 4)[:axes], (2, 1, 3)[:axes], (1, 1, 2)[:axes]
    got = mil("max_pool", x=x, kernel_sizes=kernel, strides=strides, pad_type="custom", pad=np.array(both(pads)))
    agree(got, MAX[axes](torch.from_numpy(x), kernel, strides, pads), 0)


@pytest.mark.parametrize(("size", "kernel", "stride", "pad"), [*itertools.product([7, 8], [2, 3], [2, 3], [0, 1])])
@pytest.mark.parametrize("excluded", [True, False])
def test_ceil_mode_is_pytorchs(mil, size, kernel, stride, pad, excluded):
    x = drawn(1, 2, size)
    windows = {"kernel_sizes": [kernel], "strides": [stride], "pad_type": "custom", "pad": np.array([pad, pad])}
    average = AVERAGE[1](torch.from_numpy(x), kernel, stride, pad, ceil_mode=True, count_include_pad=not excluded)
    got = mil("avg_pool", x=x, ceil_mode=True, exclude_padding_from_average=excluded, **windows)
    agree(got, average)
    agree(mil("max_pool", x=x, ceil_mode=True, **windows), MAX[1](torch.from_numpy(x), kernel, stride, pad, 1, True), 0)


def test_a_window_outside_of_the_input_is_an_error(mil):
    with pytest.raises(ValueError, match="a window lies outside"):
        mil("max_pool", x=drawn(1, 1, 4), kernel_sizes=[1], strides=[3], pad_type="custom", pad=np.array([2, 0]))


@pytest.mark.parametrize(("kind", "expected"), [("same", [1.5, 2.5, 3.5, 2]), ("same_lower", [0.5, 1.5, 2.5, 3.5])])
def test_the_padding_of_same_counts_in_an_average(mil, kind, expected):
    x = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 4)
    assert mil("avg_pool", x=x, kernel_sizes=[2], pad_type=kind).ravel().tolist() == expected


def test_an_l2_pool_is_the_root_of_the_sum_of_squares(mil):
    x = np.array([-10, -6, -7, 9], np.float32).reshape(1, 1, 2, 2)
    got = mil("l2_pool", x=x, kernel_sizes=[2, 1], pad_type="valid")
    np.testing.assert_allclose(got.ravel(), [149**0.5, 117**0.5], rtol=1e-6)


def test_an_average_of_halves_is_not_summed_in_half_precision(mil):
    got = mil("avg_pool", x=np.ones((1, 1, 4096), np.float16), kernel_sizes=[4096], pad_type="valid")
    assert (got.dtype, got.item()) == (np.float16, 1)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("conv", {"weight": np.ones((1, 1, 1), np.float32)}),
        ("max_pool", {"kernel_sizes": [1]}),
        ("avg_pool", {"kernel_sizes": [1]}),
    ],
)
def test_a_size_that_the_file_does_not_declare_is_never_made(mil, kind, values):
    """A damaged pad would otherwise fill the memory before anybody looks at the result."""
    with pytest.raises(ValueError, match="declares"):
        mil(
            kind, x=drawn(1, 1, 4), pad_type="custom", pad=np.array([0, 2**40]), declared_shape=(1, 1, 4), **values
        )  # fmt: skip
