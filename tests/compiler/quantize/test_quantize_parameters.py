"""Scales and zero points from ranges."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.compiler.quantize.parameters import SMALLEST_SCALE, from_range, of_weight
from edgewright.compiler.quantize.scheme import Grid
from edgewright.compiler.quantize.weights import fit_bias, of_bias

INT8 = Grid(dtype=ir.DataType.INT8, symmetric=False)
NARROW = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)
INT16 = Grid(dtype=ir.DataType.INT16, symmetric=True)
INT32 = Grid(dtype=ir.DataType.INT32, symmetric=True)
finite = st.floats(-(2.0**100), 2.0**100, width=32)


def test_an_asymmetric_range_uses_all_integers() -> None:
    found = from_range(-1.0, 3.0, INT8)
    assert float(found.scale) == np.float32(4 / 255)
    assert int(found.zero_point) == -64
    assert found.quantize(np.float32([-1.0, 0.0, 3.0])).tolist() == [-128, -64, 127]


def test_a_symmetric_range_has_its_zero_in_the_middle() -> None:
    found = from_range(-1.0, 4.0, INT16)
    assert (float(found.scale), int(found.zero_point)) == (np.float32(4 / 32767), 0)
    unsigned = from_range(-1.0, 4.0, Grid(dtype=ir.DataType.UINT8, symmetric=True))
    assert int(unsigned.zero_point) == 128


def test_what_is_never_negative_may_have_a_symmetric_grid_for_itself() -> None:
    grid = Grid(dtype=ir.DataType.INT8, symmetric=True, one_sided=True)
    positive, both = from_range(0.0, 5.1, grid), from_range(-0.5, 1.27, grid)
    assert (float(positive.scale), int(positive.zero_point)) == (np.float32(5.1 / 255), -128)
    assert positive.quantize(np.float32([0.0, 5.1])).tolist() == [-128, 127]
    assert (float(both.scale), int(both.zero_point)) == (np.float32(0.01), 0)


@given(finite, finite, st.sampled_from([INT8, INT16, Grid(dtype=ir.DataType.UINT8, symmetric=False)]))
def test_zero_is_said_exactly_and_ends_to_half_a_step(one: float, other: float, grid: Grid) -> None:
    low, high = sorted((one, other))
    found = from_range(low, high, grid)
    values = np.float32([0.0, low, high])
    zero, *ends = found.dequantize(found.quantize(values))
    assert zero == 0.0
    # half a step by rounding the value, half a step by rounding the zero point
    np.testing.assert_allclose(ends, values[1:], rtol=1e-6, atol=1.01 * found.step())


@pytest.mark.parametrize("constant", [-3.7, 0.02, 1e-30, 5e20])
def test_a_constant_is_said_exactly(constant: float) -> None:
    value = np.float32([constant])
    found = from_range(float(value[0]), float(value[0]), INT8)
    # 3e-7: scale and product are float32
    atol = SMALLEST_SCALE if abs(constant) < SMALLEST_SCALE else 0.0
    np.testing.assert_allclose(found.dequantize(found.quantize(value)), value, rtol=3e-7, atol=atol)


def test_zeros_alone_have_a_scale() -> None:
    assert float(from_range(0.0, 0.0, INT8).scale) == 1.0


def test_a_range_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="no integers stand for the range"):
        from_range(0.0, float("inf"), INT8)


def test_each_channel_of_a_weight_has_its_scale_and_one_of_zeros_that_of_the_largest() -> None:
    weight = np.float32([[1.27, -0.5], [0.0, 0.0], [0.0, -2.54]])
    found = of_weight(weight, NARROW, axis=0)
    np.testing.assert_allclose(found.scale, [0.01, 0.02, 0.02], rtol=1e-6)
    assert found.quantize(weight).tolist() == [[127, -50], [0, 0], [0, -127]]


def test_blocks_share_a_scale_along_the_axis() -> None:
    weight = np.float32([[7.0], [1.0], [-0.7], [0.1], [14.0]])
    found = of_weight(weight, Grid(dtype=ir.DataType.INT4, symmetric=True, narrow=True), axis=0, block=2)
    np.testing.assert_allclose(found.scale, [[1.0], [0.1], [2.0]], rtol=1e-6)
    assert found.quantize(weight).tolist() == [[7], [1], [-7], [1], [7]]


def test_a_bias_that_would_overflow_widens_the_scale_of_its_channel() -> None:
    weight = np.float32([[1e-9], [1.0]])
    bias = np.float32([40.0, 0.1])
    activation = from_range(0.0, 255e-6, INT8)
    fitted = fit_bias(of_weight(weight, NARROW, axis=0), weight, bias, activation)
    assert fitted.scale[0] > 1e-9 / 127
    assert fitted.scale[1] == np.float32(1 / 127)
    own = of_bias(fitted, activation, INT32, bias)
    np.testing.assert_allclose(own.dequantize(own.quantize(bias)), bias, rtol=1e-6)


def test_the_bias_of_a_channel_of_zeros_is_said_finely() -> None:
    weight = np.float32([[0.0], [100.0]])
    bias = np.float32([0.003, 1.0])
    activation = from_range(0.0, 255.0, INT8)
    own = of_bias(fit_bias(of_weight(weight, NARROW, axis=0), weight, bias, activation), activation, INT32, bias)
    np.testing.assert_allclose(own.dequantize(own.quantize(bias))[0], 0.003, rtol=1e-6)


def test_a_block_of_a_convolution_holds_all_positions_of_its_kernel() -> None:
    weight = np.zeros((2, 4, 1, 3), np.float32)
    weight[0, 1, 0, 2], weight[0, 3, 0, 0], weight[1, 2, 0, 1] = 7.0, 14.0, -21.0
    grid = Grid(dtype=ir.DataType.INT4, symmetric=True, narrow=True)
    found = of_weight(weight, grid, axis=1, block=2)
    assert found.scale.shape == (2, 2, 1, 3)
    assert found.scale[0, :, 0].tolist() == [[1.0] * 3, [2.0] * 3]
    np.testing.assert_array_equal(found.dequantize(found.quantize(weight)), weight)
