import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.cli.units import in_bytes, in_count, in_ms


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (912, "912 B"), (1000, "1.00 kB"), (127_694, "128 kB"), (999_600, "1.00 MB"), (3_163_737, "3.16 MB")],
)
def test_bytes(size_bytes, text):
    assert in_bytes(size_bytes) == text


@pytest.mark.parametrize(("count", "text"), [(7, "7"), (8754, "8.75 k"), (12_345_678, "12.3 M")])
def test_counts(count, text):
    assert in_count(count) == text


@pytest.mark.parametrize(("ms", "text"), [(0.01234, "0.012 ms"), (23.06, "23.1 ms"), (1204.4, "1204 ms")])
def test_durations(ms, text):
    assert in_ms(ms) == text


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**15))
def test_a_size_is_told_to_half_a_percent(size_bytes):
    value, unit = in_bytes(size_bytes).split()
    told = float(value) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert told == pytest.approx(size_bytes, rel=0.00501)
