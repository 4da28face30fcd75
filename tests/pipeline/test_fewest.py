from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgewright.pipeline.fewest import evaluations_needed, fewest


@given(st.integers(0, 300), st.data())
def test_it_finds_the_smallest_count_within_the_number_of_evaluations_that_it_announces(
    most: int, data: st.DataObject
) -> None:
    enough = data.draw(st.integers(0, most))
    asked: list[int] = []

    def holds(count: int) -> bool:
        asked.append(count)
        return count >= enough

    assert fewest(most, evaluations_needed(most), holds) == enough
    assert len(asked) == len(set(asked)) <= evaluations_needed(most)


@given(st.integers(0, 300), st.integers(1, 20))
def test_it_never_asks_more_often_than_its_limit(most: int, limit: int) -> None:
    asked: list[int] = []
    assert fewest(most, limit, lambda count: bool(asked.append(count))) is None
    assert len(asked) <= limit


def test_the_evaluations_are_few() -> None:
    assert [evaluations_needed(most) for most in (0, 1, 10, 100, 1000)] == [1, 2, 8, 15, 21]


def test_what_holds_at_once_is_asked_once() -> None:
    asked: list[int] = []

    def holds(count: int) -> bool:
        asked.append(count)
        return True

    assert fewest(100, 16, holds) == 0
    assert asked == [0]
