from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.vocabulary.quantity import Dimension, Quantity

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    ("text", "dimension", "base"),
    [
        ("20 ms", Dimension.TIME, 20.0),
        ("20ms", Dimension.TIME, 20.0),
        (" 1.5 s ", Dimension.TIME, 1500.0),
        ("250 µs", Dimension.TIME, 0.25),
        ("250 us", Dimension.TIME, 0.25),
        ("1e3 ns", Dimension.TIME, 0.001),
        ("2 MB", Dimension.SIZE, 2e6),
        ("2 MiB", Dimension.SIZE, 2.0 * 2**20),
        ("1 kB", Dimension.SIZE, 1000.0),
        ("1.0 pp", Dimension.SHARE, 1.0),
        ("50%", Dimension.SHARE, 50.0),
        ("-0.5 pp", Dimension.SHARE, -0.5),
        ("40 dB", Dimension.LEVEL, 40.0),
        (".5 abs", Dimension.PLAIN, 0.5),
        ("+3. abs", Dimension.PLAIN, 3.0),
    ],
)
def test_a_number_with_a_unit_is_read(text: str, dimension: Dimension, base: float) -> None:
    quantity = Quantity.parse(text, dimension)

    assert quantity.base == pytest.approx(base, rel=1e-15)
    assert quantity.dimension is dimension


@pytest.mark.parametrize("text", ["", "8", "ms", "8 kg", "8 MS", "8,5 ms", "0x8 ms", "nan ms", "8 MB", "٨ ms"])
def test_anything_else_is_refused_with_the_units_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"a number with a unit of time \(ns, us, µs, ms, s, min, h\)"):
        Quantity.parse(text, Dimension.TIME)


@pytest.mark.parametrize("text", ["1e999 ms", "-1e999 ms"])
def test_a_number_beyond_all_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        Quantity.parse(text, Dimension.TIME)


@settings(deadline=None)
@given(st.text(max_size=12), st.sampled_from(Dimension))
def test_any_text_is_a_quantity_or_a_value_error(text: str, dimension: Dimension) -> None:
    try:
        quantity = Quantity.parse(text, dimension)
    except ValueError:
        return
    assert quantity.dimension is dimension


@settings(deadline=None)
@given(FINITE, st.sampled_from(sorted(Quantity.UNITS)))
def test_what_is_written_in_full_is_read_again(value: float, unit: str) -> None:
    quantity = Quantity(value, unit)

    assert Quantity.parse(f"{value!r} {unit}", quantity.dimension) == quantity


@settings(deadline=None)
@given(FINITE, FINITE, st.sampled_from(sorted(Quantity.UNITS)))
def test_larger_values_of_one_unit_are_larger_quantities(first: float, second: float, unit: str) -> None:
    assert (first <= second) == (Quantity(first, unit).base <= Quantity(second, unit).base)


def test_it_is_shown_as_people_write_it() -> None:
    assert str(Quantity.parse("20.0ms", Dimension.TIME)) == "20 ms"


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown unit 'kg'"):
        Quantity(1.0, "kg")
