"""The search for the largest share of multiply-accumulates that is fast enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..profiles.measured_search import Comparison
from ..vocabulary.errors import RefusedError
from .measured_turns import Turns

LIMIT: Final = 8
"""Seven halvings part a hundred into single percents; the first try is a guess."""

NEAR: Final = 0.02
"""A share that is fast enough by no more than this is taken: two measurements of one artifact differ by as much."""


def search_share(percent: float, compare: Callable[[int], Turns]) -> tuple[int, bool, tuple[Comparison, ...]]:
    """Give a share in whole percent, whether it is fast enough, and the comparisons by which it was found.

    `percent` is the share of the latency that may be left; the same of the multiply-accumulates is tried first, then
    the gap is halved. `compare` gives a model with such a share beside the whole one. Where none is fast enough the
    fastest is given.

    Raises:
        RefusedError: when the model cannot be pruned to any share that was tried.
        EdgewrightError: what else `compare` raises.
    """
    made: dict[int, Turns] = {}
    refused: RefusedError | None = None
    low, high, found = 0, 100, None
    share = min(99, max(1, round(percent)))
    for _ in range(LIMIT):
        try:
            made[share] = compare(share)
        except RefusedError as error:  # so few channels cannot be left: more may
            refused = error
            low = share
        else:
            if made[share].ratio <= percent / 100:
                low = found = share
            else:
                high = share
        wasted = percent / 100 - made[found].ratio if found is not None else 1.0
        if high - low <= 1 or wasted <= NEAR:
            break
        share = (low + high) // 2
    if not made:
        assert refused is not None, "the first share was tried"
        raise refused
    chosen = found if found is not None else min(made, key=lambda each: made[each].ratio)
    comparisons = tuple(turns.compared((f"macs = {each}%",), taken=each == chosen) for each, turns in made.items())
    return chosen, found is not None, comparisons
