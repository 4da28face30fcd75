"""Halving a graph where each look is dear."""

from hypothesis import given
from hypothesis import strategies as st

from edgewright.pipeline.cut_search import first_that_parts, looks_needed

CHAIN = [f"t{index}" for index in range(20)]
BEFORE = {name: [CHAIN[index - 1]] if index else [] for index, name in enumerate(CHAIN)}


def looker(parts):
    """Look, and remember at what."""
    seen = []

    def look(name):
        seen.append(name)
        return parts(name)

    return look, seen


@given(born=st.integers(0, 19))
def test_in_a_chain_the_first_is_found_in_few_looks(born):
    look, seen = looker(lambda name: CHAIN.index(name) >= born)
    assert first_that_parts(CHAIN, BEFORE, look) == CHAIN[born]
    assert len(seen) <= looks_needed(20) + 1


def test_where_nothing_parts_one_look_is_enough():
    look, seen = looker(lambda _: False)
    assert first_that_parts(CHAIN, BEFORE, look) is None
    assert seen == ["t19"]


def test_what_cannot_be_had_is_passed_over():
    look, _ = looker(lambda name: None if name in ("t9", "t10", "t19") else CHAIN.index(name) >= 9)
    assert first_that_parts(CHAIN, BEFORE, look) == "t11"


def test_nothing_can_be_had():
    assert first_that_parts(CHAIN, BEFORE, lambda _: None) is None


def test_a_branch_that_parted_earlier_in_the_order_is_followed():
    """Two branches join: only the second is wrong, though the first stands later in the order."""
    order = ["wrong", "wrong2", "right", "right2", "joined"]
    inputs = {"wrong": [], "wrong2": ["wrong"], "right": [], "right2": ["right"], "joined": ["wrong2", "right2"]}
    assert first_that_parts(order, inputs, lambda name: name in ("wrong", "wrong2", "joined")) == "wrong"
