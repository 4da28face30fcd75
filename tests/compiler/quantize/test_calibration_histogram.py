"""The histogram of calibration: one pass, any range, and the same whatever the order and the pieces."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgewright.compiler.quantize.histogram import BINS, Channels, Histogram

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
VALUES = arrays(np.float32, st.integers(1, 60), elements=FLOATS)


def filled(*pieces: np.ndarray) -> Histogram:
    histogram = Histogram()
    for piece in pieces:
        histogram.add(piece, float(piece.min()), float(piece.max()))
    return histogram


def state(histogram: Histogram) -> tuple[object, ...]:
    return (
        histogram.low,
        histogram.high,
        histogram.count,
        histogram.bin_low,
        histogram.bin_width,
        histogram.counts,
    )


@settings(deadline=None)
@example(np.array([1e-45, -1e-45, 3e38, -3e38], np.float32), 2)
@example(np.array([0.0, 0.0, 1e-45], np.float32), 1)
@example(np.array([1.0001173, 1.0001173, 1.001], np.float32), 2)
@given(VALUES, st.integers(0, 60))
def test_it_depends_on_neither_order_nor_pieces(values: np.ndarray, cut: int) -> None:
    pieces = [piece for piece in (values[:cut], values[cut:]) if piece.size]

    assert state(filled(*pieces)) == state(filled(*reversed(pieces))) == state(filled(values))


@settings(deadline=None)
@example(np.array([3e38, -3e38], np.float32))
@example(np.array([-1e-45, 1e30], np.float32))
@given(VALUES)
def test_every_value_lies_in_its_bin(values: np.ndarray) -> None:
    histogram = filled(values)

    expected = np.floor(values.astype(np.float64) / histogram.bin_width) - histogram.bin_low / histogram.bin_width
    assert len(histogram.counts) <= BINS
    assert histogram.counts == tuple(np.bincount(expected.astype(int), minlength=len(histogram.counts)))


def test_the_range_takes_at_least_half_of_the_bins() -> None:
    values = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)

    histogram = filled(values)

    assert BINS // 2 < len(histogram.counts) <= BINS
    assert sum(histogram.counts) == histogram.count == 10_000


def test_a_constant_has_one_bin() -> None:
    assert filled(np.full(7, 0.1, np.float32)).counts == (7,)


def test_zeros_have_one_bin() -> None:
    histogram = filled(np.zeros((2, 3), np.float32))

    assert (histogram.low, histogram.high, histogram.counts) == (0.0, 0.0, (6,))


def test_channels_are_told_apart_along_their_axis() -> None:
    channels = Channels(1, 2)
    channels.add(np.array([[[1, 2], [3, 4]]], np.float32))
    low_and_high = channels.add(np.array([[[0, 1], [-9, 4]]], np.float32))

    assert low_and_high == (-9.0, 4.0)
    assert (channels.low, channels.high, channels.mean) == ((0.0, -9.0), (2.0, 4.0), (1.0, 0.5))
