"""Reading between elements, pooling tap by tap, transposed convolutions, spectra: as onnxruntime has them."""

import itertools

import numpy as np
import pytest

GENERATOR = np.random.default_rng(5)


def drawn(*shape):
    return GENERATOR.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [0, 1])
def test_grid_sample(lite, mode, padding, align):
    feeds = {"x": drawn(2, 3, 5, 7), "g": (GENERATOR.random((2, 4, 6, 2)) * 3 - 1.5).astype(np.float32)}
    lite(
        f"(float[2,3,5,7] x, float[2,4,6,2] g) => (float[2,3,4,6] y)"
        f' {{ y = GridSample<mode="{mode}", padding_mode="{padding}", align_corners={align}>(x, g) }}',
        feeds=feeds,
        atol=1e-4,  # the grid's points are rounded before they are multiplied by the size
    )


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_of_three_axes(lite, mode):
    feeds = {"x": drawn(1, 2, 3, 4, 5), "g": (GENERATOR.random((1, 2, 3, 2, 3)) * 2.4 - 1.2).astype(np.float32)}
    lite(
        f'(float[1,2,3,4,5] x, float[1,2,3,2,3] g) => (float[1,2,2,3,2] y) {{ y = GridSample<mode="{mode}">(x, g) }}',
        feeds=feeds,
        atol=1e-4,
    )


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("transformation", ["half_pixel", "output_half_pixel"])
def test_regions_are_read_on_a_raster(lite, mode, transformation):
    feeds = {
        "x": drawn(2, 3, 8, 9),
        "r": np.array([[0, 0, 7, 7], [1.5, 2.5, 5, 6], [-3, -3, 12, 4]], np.float32),
        "b": np.array([0, 1, 1]),
    }
    lite(
        "(float[2,3,8,9] x, float[3,4] r, int64[3] b) => (float[3,3,2,4] y)"
        f' {{ y = RoiAlign<mode="{mode}", coordinate_transformation_mode="{transformation}", output_height=2,'
        " output_width=4, sampling_ratio=2, spatial_scale=0.8>(x, r, b) }",
        feeds=feeds,
    )


@pytest.mark.parametrize(("dilations", "strides"), [((2, 3), (1, 1)), ((2, 1), (2, 2))])
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_dilated_pooling(lite, op, dilations, strides, ceil):
    size = [
        -((-(9 + 2 - (2 * step + 1))) // stride) + 1 if ceil else (9 + 2 - (2 * step + 1)) // stride + 1
        for step, stride in zip(dilations, strides, strict=True)
    ]
    lite(
        f"(float[1,2,9,9] x) => (float[1,2,{size[0]},{size[1]}] y) {{ y = {op}<kernel_shape=[3,3], pads=[1,1,1,1],"
        f" dilations=[{dilations[0]},{dilations[1]}], strides=[{strides[0]},{strides[1]}], ceil_mode={ceil}>(x) }}",
        feeds={"x": np.abs(drawn(1, 2, 9, 9)) + 1},
    )


@pytest.mark.parametrize("order", [0, 1])
def test_where_the_largest_stood(lite, order):
    x = GENERATOR.integers(0, 4, (2, 3, 6, 8)).astype(np.float32)
    lite(
        "(float[2,3,6,8] x) => (float[2,3,3,4] y, int64[2,3,3,4] i)"
        f" {{ y, i = MaxPool<kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2], storage_order={order}>(x) }}",
        feeds={"x": x},
    )


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("groups", "dilation"), [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_transposed_convolutions_of_every_kind(lite, spatial, groups, dilation, known):
    size, kernel, stride = 4, 3, 2
    out = (size - 1) * stride + (kernel - 1) * dilation + 1 - 2
    axes = ",".join([str(size)] * spatial)
    shape = ",".join([str(out)] * spatial)
    weight = drawn(4, 3, *[kernel] * spatial)
    declared = "" if known else f", float[4,3,{','.join(['3'] * spatial)}] w"
    feeds = {"x": drawn(1, 4, *[size] * spatial)} | ({} if known else {"w": weight})
    lite(
        f"(float[1,4,{axes}] x{declared}) => (float[1,{3 * groups},{shape}] y) {{ y = ConvTranspose<group={groups},"
        f" strides=[{','.join(['2'] * spatial)}], dilations=[{','.join([str(dilation)] * spatial)}],"
        f" pads=[{','.join(['1'] * 2 * spatial)}]>(x, w, b) }}",
        {"b": drawn(3 * groups)} | ({"w": weight} if known else {}),
        feeds=feeds,
    )


@pytest.mark.parametrize("length", [None, 5, 12])
@pytest.mark.parametrize("inverse", [0, 1])
def test_spectra(litert, inverse, length):
    x, size = drawn(2, 8, 3, 2), length or 8
    built = litert(
        f"(float[2,8,3,2] x) => (float[2,{size},3,2] y)"
        f" {{ y = DFT<inverse={inverse}>(x, {'n' if length else ''}, a) }}",
        {"a": np.array(1)} | ({"n": np.array(length)} if length else {}),
        feeds={"x": x},
    )
    transform = np.fft.ifft if inverse else np.fft.fft
    wanted = transform(x[..., 0] + 1j * x[..., 1], size, axis=1)
    np.testing.assert_allclose(built.outputs["y"], np.stack([wanted.real, wanted.imag], -1), rtol=1e-5, atol=1e-5)


def test_a_spectrum_and_back(litert):
    x = drawn(2, 9, 1)
    half = litert(
        "(float[2,9,1] x) => (float[2,5,2] y) { y = DFT<onesided=1>(x, , a) }", {"a": np.array(1)}, feeds={"x": x}
    )
    spectrum = half.outputs["y"]
    np.testing.assert_allclose(spectrum[..., 0] + 1j * spectrum[..., 1], np.fft.rfft(x[..., 0]), atol=1e-5)
    whole = litert(
        "(float[2,5,2] x) => (float[2,9,1] y) { y = DFT<onesided=1, inverse=1>(x, n, a) }",
        {"n": np.array(9), "a": np.array(1)},
        feeds={"x": spectrum},
    )
    np.testing.assert_allclose(whole.outputs["y"], x, atol=1e-5)


@pytest.mark.parametrize(("reduction", "combine"), [("max", np.maximum), ("min", np.minimum), ("mul", np.multiply)])
def test_scattered_updates_of_one_place_are_reduced(litert, reduction, combine):
    x, updates = drawn(5, 3), drawn(4, 3)
    places = np.array([[1], [3], [1], [-5]])
    wanted = x.copy()
    for (place,), update in zip(places, updates, strict=True):
        wanted[place] = combine(wanted[place], update)
    built = litert(
        "(float[5,3] x, int64[4,1] i, float[4,3] u) => (float[5,3] y)"
        f' {{ y = ScatterND<reduction="{reduction}">(x, i, u) }}',
        feeds={"x": x, "i": places, "u": updates},
    )
    np.testing.assert_allclose(built.outputs["y"], wanted, rtol=1e-6)


@pytest.mark.parametrize("dims", [1, 2])
def test_gathering_within_batches(litert, dims):
    x = drawn(2, 3, 4, 5)
    shape = x.shape[:dims]
    indices = GENERATOR.integers(-3, 3, (*shape, 2, 1))
    wanted = np.stack([x[place][indices[place][:, 0]] for place in itertools.product(*map(range, shape))])
    wanted = wanted.reshape(*shape, 2, *x.shape[dims + 1 :])
    built = litert(
        f"(float[2,3,4,5] x, int64[{','.join(map(str, indices.shape))}] i)"
        f" => (float[{','.join(map(str, wanted.shape))}] y) {{ y = GatherND<batch_dims={dims}>(x, i) }}",
        feeds={"x": x, "i": indices},
    )
    np.testing.assert_array_equal(built.outputs["y"], wanted)
