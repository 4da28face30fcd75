"""The methods that choose a range from what calibration found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgewright.compiler.quantize.histogram import Histogram
from edgewright.compiler.quantize.methods import (
    METHODS,
    entropy,
    holding_zero,
    minmax,
    mse,
    percentile,
    signal_to_noise_db,
)
from edgewright.compiler.quantize.noise import Bins, UniformGrid
from edgewright.compiler.quantize.ranges import TensorStatistics

VALUES = arrays(np.float32, st.integers(1, 200), elements=st.floats(-1e6, 1e6, width=32))
EMPTY = TensorStatistics(low=0.0, high=0.0, count=0, bin_low=0.0, bin_width=1.0, counts=())


def statistics_of(values: np.ndarray) -> TensorStatistics:
    values = values.astype(np.float32)
    histogram = Histogram()
    histogram.add(values, float(values.min()), float(values.max()))
    return TensorStatistics(
        low=histogram.low,
        high=histogram.high,
        count=histogram.count,
        bin_low=histogram.bin_low,
        bin_width=histogram.bin_width,
        counts=histogram.counts,
    )


def normal_with_outlier() -> np.ndarray:
    values = np.random.default_rng(0).standard_normal(100_000)
    values[0] = 40.0
    return values


def measured_error(values: np.ndarray, low: float, high: float, levels: int) -> float:
    """The mean squared error of rounding each value, as a quantizer does it."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / (levels - 1)
    zero = round(-low / step)
    integers = np.clip(np.rint(values / step) + zero, 0, levels - 1)
    return float(np.mean(((integers - zero) * step - values) ** 2))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("levels", [16, 255, 256, 65536])
@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=20)
@given(values=VALUES)
def test_a_range_lies_within_the_values(method: str, levels: int, symmetric: bool, values: np.ndarray) -> None:
    low, high = METHODS[method](statistics_of(values), levels=levels, symmetric=symmetric)

    assert values.min() <= low <= high <= values.max()


@pytest.mark.parametrize("method", METHODS)
def test_a_tensor_without_values_has_the_range_of_zero(method: str) -> None:
    assert METHODS[method](EMPTY, levels=256, symmetric=False) == (0.0, 0.0)


@settings(deadline=None)
@given(VALUES)
def test_minmax_is_exact(values: np.ndarray) -> None:
    assert minmax(statistics_of(values)) == (values.min(), values.max())


@given(st.floats(-9, 9), st.floats(-9, 9))
def test_a_range_that_holds_zero_is_the_least_that_does(one: float, other: float) -> None:
    low, high = holding_zero((min(one, other), max(one, other)))

    assert (low, high) == (min(one, other, 0.0), max(one, other, 0.0))


@pytest.mark.parametrize("levels", [16, 256, 65536])
@settings(deadline=None, max_examples=50)
@given(values=VALUES)
def test_mse_is_never_worse_than_minmax(levels: int, values: np.ndarray) -> None:
    statistics = statistics_of(values)
    bins = Bins.of(statistics)

    def error(low: float, high: float) -> float:
        return UniformGrid.over(low, high, levels).squared_error(bins)

    assert error(*mse(statistics, levels=levels)) <= error(*minmax(statistics))


def test_percentile_leaves_half_of_the_rest_on_either_side() -> None:
    values = np.linspace(-1, 3, 100_001)

    assert percentile(statistics_of(values), percent=90) == pytest.approx((-0.8, 2.8), abs=1e-3)


def test_percentile_of_a_hundred_is_minmax() -> None:
    statistics = statistics_of(normal_with_outlier())

    assert percentile(statistics, percent=100) == minmax(statistics)


@pytest.mark.parametrize("percent", [0, -1, 100.5])
def test_a_percentage_that_is_none_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match=r"expected a percentage above 0 and up to 100"):
        percentile(statistics_of(np.ones(3)), percent=percent)


def test_percentile_and_entropy_cut_an_outlier_off() -> None:
    statistics = statistics_of(normal_with_outlier())

    assert minmax(statistics)[1] == 40.0
    assert percentile(statistics)[1] == pytest.approx(3.9, abs=0.3)  # the 99.995th percentile of a normal distribution
    assert 3.0 < entropy(statistics)[1] < 10.0


def test_entropy_keeps_the_rare_ones_of_a_one_hot_tensor() -> None:
    values = np.zeros(257_000)
    values[::257] = 1.0

    assert entropy(statistics_of(values)) == (0.0, 1.0)


def test_mse_cuts_an_outlier_off_where_the_steps_that_it_costs_are_worse() -> None:
    statistics = statistics_of(normal_with_outlier())

    assert mse(statistics, levels=16)[1] < 10.0
    assert mse(statistics, levels=256)[1] > 30.0  # clipped at 10 it would cost 30² / 100 000, four times as much


def test_mse_at_sixteen_levels_clips_a_normal_distribution_where_the_literature_does() -> None:
    """Banner et al., "Post training 4-bit quantization", 2019, table 1: 2.55 to 2.83 deviations for 4 bits."""
    values = np.random.default_rng(0).standard_normal(200_000)

    low, high = mse(statistics_of(values), levels=16, symmetric=True)

    assert max(-low, high) == pytest.approx(2.6, abs=0.25)


@pytest.mark.parametrize("range_", [(-1.0, 3.0), (-0.5, 2.0), (0.25, 3.0)])
@pytest.mark.parametrize("levels", [16, 256, 65536])
def test_the_error_of_the_histogram_is_that_of_the_values(range_: tuple[float, float], levels: int) -> None:
    values = np.random.default_rng(0).uniform(-1, 3, 100_000).astype(np.float32).astype(np.float64)

    expected = UniformGrid.over(*range_, levels).squared_error(Bins.of(statistics_of(values)))

    assert expected == pytest.approx(measured_error(values, *range_, levels), rel=0.02)  # 1/√100 000, and some


def test_a_uniform_tensor_has_six_decibels_a_bit() -> None:
    statistics = statistics_of(np.random.default_rng(0).uniform(-1, 1, 100_000))

    assert signal_to_noise_db(statistics, -1.0, 1.0, 256) == pytest.approx(8 * 6.02, abs=0.1)
    assert signal_to_noise_db(statistics, -1.0, 1.0, 65536) == pytest.approx(16 * 6.02, abs=0.1)


def test_an_outlier_costs_decibels() -> None:
    clean, spoilt = np.random.default_rng(0).standard_normal(100_000), normal_with_outlier()

    def of(values: np.ndarray) -> float:
        statistics = statistics_of(values)
        return signal_to_noise_db(statistics, statistics.low, statistics.high, 256)

    assert of(clean) - of(spoilt) > 12


@pytest.mark.parametrize("value", [0.0, 0.3, -7.0])
def test_a_constant_is_on_its_grid(value: float) -> None:
    statistics = statistics_of(np.full(5, value))

    assert signal_to_noise_db(statistics, statistics.low, statistics.high, 256) > 120  # what float64 rounding leaves


def test_a_tensor_without_values_has_no_noise() -> None:
    assert signal_to_noise_db(EMPTY, 0.0, 0.0, 256) == math.inf
