"""The interval of a paired difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.devices.base import Samples
from edgewright.profiles import statistics
from edgewright.profiles.figures import MeanFigures, SampleFigures
from edgewright.profiles.latency import latency, profile
from edgewright.profiles.statistics import paired_interval
from edgewright.vocabulary.errors import DataError


def difference(before, after):
    return after - before


def test_covers_the_truth_about_as_often_as_it_says():
    """Of 200 samples of 60 pairs, the 95% interval misses the true difference of 0.5 in 2 to 20."""
    generator = np.random.default_rng(7)
    missed = 0
    for _ in range(200):
        before = generator.standard_normal(60)
        after = before + 0.5 + 0.3 * generator.standard_normal(60)
        low, high = paired_interval(MeanFigures(before), MeanFigures(after), 60, difference)
        missed += not low <= 0.5 <= high
    assert 2 <= missed <= 20


def test_pairs_rows():
    """Scores that vary much but differ by exactly one have an interval of no width."""
    before = np.random.default_rng(0).standard_normal(50) * 100
    low, high = paired_interval(MeanFigures(before), MeanFigures(before + 1.0), 50, difference)
    assert (low, high) == pytest.approx((1.0, 1.0))


@given(st.integers(0, 1000), st.integers(2, 60))
@settings(deadline=None, max_examples=20)
def test_is_the_same_whenever_and_in_whatever_blocks_it_is_drawn(seed, rows):
    before, after = np.random.default_rng(seed).random((2, rows))
    whole = paired_interval(MeanFigures(before), MeanFigures(after), rows, difference)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "CHUNK_BYTES", 5_000)
        assert paired_interval(MeanFigures(before), MeanFigures(after), rows, difference) == whole


def test_a_metric_of_the_whole_sample_gives_what_its_mean_form_gives():
    before, after = np.random.default_rng(3).random((2, 40))

    def sample(values):
        return SampleFigures(lambda index: float(values[index].mean()), row_count=40, row_bytes=8)

    expected = paired_interval(MeanFigures(before), MeanFigures(after), 40, difference)
    assert paired_interval(sample(before), sample(after), 40, difference) == pytest.approx(expected)


def test_a_metric_that_most_draws_leave_undefined_has_no_interval():
    figures = SampleFigures(lambda index: float("nan"), row_count=4, row_bytes=8)
    with pytest.raises(DataError, match="too few rows"):
        paired_interval(figures, figures, 4, difference)


def test_percentiles_are_those_of_the_samples():
    found = latency(tuple(float(value) for value in range(1, 101)))
    assert (found.p50, found.p90, found.p99, found.n) == pytest.approx((50.5, 90.1, 99.01, 100))


def test_no_samples_are_no_latency():
    with pytest.raises(ValueError, match="no samples"):
        latency(())


def test_a_profile_keeps_what_was_measured():
    samples = Samples(
        load_ms=1.0, first_ms=2.0, latency_ms=(3.0,), peak_memory_bytes=4, context={"governor": None, "threads": 1}
    )
    found = profile(samples)
    assert (found.load_ms, found.first_ms, found.peak_memory_bytes) == (1.0, 2.0, 4)
    assert found.context == {"governor": None, "threads": 1}
