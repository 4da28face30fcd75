"""Core ML: samples between the elements of a grid, and Fourier transforms of fixed length."""

from itertools import product

import numpy as np
import pytest

RANDOM = np.random.default_rng(0)


def grid_text(mode, padding, align, dims=2):
    spatial, out = ("5,6", "3,4") if dims == 2 else ("4,5,6", "2,3,4")
    return (
        f"(float[2,3,{spatial}] x, float[2,{out},{dims}] g) => (float[2,3,{out}] y)"
        f' {{ y = GridSample<mode = "{mode}", padding_mode = "{padding}", align_corners = {align}>(x, g) }}'
    )


@pytest.mark.parametrize(
    ("mode", "padding", "align"),
    [*product(["linear", "nearest", "cubic"], ["zeros", "border", "reflection"], [0, 1])],
)
def test_points_far_outside_and_between(coreml_agrees, mode, padding, align):
    points = RANDOM.uniform(-2.5, 2.5, (2, 3, 4, 2)).astype(np.float32)
    made = coreml_agrees(grid_text(mode, padding, align), {"x": (2, 3, 5, 6), "g": points}, atol=1e-4)
    own = mode == "linear" and padding != "reflection"
    assert made.operations.get("resample", 0) == own


@pytest.mark.parametrize(("mode", "padding"), [*product(["linear", "nearest"], ["zeros", "border", "reflection"])])
def test_volumes(coreml_agrees, mode, padding):
    points = RANDOM.uniform(-1.5, 1.5, (2, 2, 3, 4, 3)).astype(np.float32)
    coreml_agrees(grid_text(mode, padding, 0, 3), {"x": (2, 3, 4, 5, 6), "g": points}, atol=1e-4)


@pytest.mark.parametrize("mode", ["half_pixel", "output_half_pixel"])
def test_regions(coreml_agrees, mode):
    regions = np.array([[0, 0, 5, 4], [1.5, 2.5, 9, 9], [-2, -3, 3, 3]], np.float32)
    text = (
        "(float[2,3,6,8] x, float[3,4] r, int64[3] i) => (float[3,3,2,3] y) { y = RoiAlign<"
        f"output_height = 2, output_width = 3, sampling_ratio = 2, spatial_scale = 0.7,"
        f' coordinate_transformation_mode = "{mode}">(x, r, i) }}'
    )
    coreml_agrees(text, {"x": (2, 3, 6, 8), "r": regions, "i": np.array([1, 0, 1])})


def test_regions_that_choose_how_many_points_they_take_are_refused(coreml_refusal):
    text = "(float[1,1,4,4] x, float[1,4] r, int64[1] i) => (float[1,1,1,1] y) { y = RoiAlign(x, r, i) }"
    assert "sampling_ratio" in coreml_refusal(text)


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_regular_grids(coreml_agrees, size, align):
    dims = len(size) - 2
    out = ",".join(map(str, size[2:]))
    text = (
        f"(float[2,{dims},{dims + 1}] t) => (float[2,{out},{dims}] y)"
        f" {{ y = AffineGrid<align_corners = {align}>(t, s) }}"
    )
    made = coreml_agrees(text, {"t": (2, dims, dims + 1)}, {"s": np.array(size)})
    assert "matmul" in made.operations


@pytest.mark.parametrize(("length", "inverse"), [*product([None, 5, 8, 12], [0, 1])])
@pytest.mark.parametrize("parts", [1, 2])
def test_transforms(coreml, length, inverse, parts):
    x = RANDOM.standard_normal((2, 8, 3, parts)).astype(np.float32)
    own = {"a": np.array(1)} | ({} if length is None else {"n": np.array(length)})
    text = (
        f"(float[2,8,3,{parts}] x) => (float[2,{length or 8},3,2] y)"
        f" {{ y = DFT<inverse = {inverse}>(x, {'n' if length else ''}, a) }}"
    )
    got = coreml(text, {"x": x}, own).outputs["y"]
    values = x[..., 0] + 1j * (x[..., 1] if parts == 2 else 0)
    wanted = (np.fft.ifft if inverse else np.fft.fft)(values, length, axis=1)
    np.testing.assert_allclose(got[..., 0] + 1j * got[..., 1], wanted, atol=1e-5)


@pytest.mark.parametrize("length", [7, 8])
def test_half_of_a_spectrum_and_back(coreml, length):
    x = RANDOM.standard_normal((2, length, 1)).astype(np.float32)
    bins = length // 2 + 1
    there = coreml(
        f"(float[2,{length},1] x) => (float[2,{bins},2] y) {{ y = DFT<onesided = 1>(x, , a) }}",
        {"x": x},
        {"a": np.array(1)},
    ).outputs["y"]
    np.testing.assert_allclose(there[..., 0] + 1j * there[..., 1], np.fft.rfft(x[..., 0]), atol=1e-5)
    back = coreml(
        f"(float[2,{bins},2] x) => (float[2,{length},1] y) {{ y = DFT<onesided = 1, inverse = 1>(x, n, a) }}",
        {"x": there},
        {"a": np.array(1), "n": np.array(length)},
    ).outputs["y"]
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_windows_of_a_signal(coreml_agrees):
    text = "(float[2,32,1] x) => (float[2,7,5,2] y) { y = STFT(x, f, w) }"
    own = {"f": np.array(4), "w": np.hanning(8).astype(np.float32)}
    coreml_agrees(text, {"x": (2, 32, 1)}, own)
