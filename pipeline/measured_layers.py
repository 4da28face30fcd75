"""The search for the layers that are faster as factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..profiles.measured_search import Comparison
from .measured_turns import Turns
from .steps.list_factored import Factored

MOST: Final = 31
"""Comparisons that a search makes at the most: each layer of a model with 16 alone, and the groups above them."""

PROMISE: Final = 0.5
"""A group that is faster by this part of what its multiply-accumulates promise is kept as it is: what single layers in
it might cost is less than what is looked for."""

Names = tuple[str, ...]


def limit_of(candidates: int) -> int:
    """Give the number of comparisons that is announced."""
    return min(MOST, max(1, 2 * candidates - 1))


def search_layers(
    candidates: Sequence[Factored], macs: int, compare: Callable[[Names, Names], Turns]
) -> tuple[Names, tuple[Comparison, ...]]:
    """Give the layers to keep factored, and the comparisons by which they were found.

    All are tried together first. A group that is not faster in every turn, or by less than it promises, is halved, and
    each half is tried on top of what was kept so far; a single layer stays factored where it is faster. `compare` is
    given the layers to factor, and those that the other artifact has. `macs`: those of the model without factors.

    Raises:
        EdgewrightError: what `compare` raises.
    """
    kept: list[Factored] = []
    made: list[Comparison] = []
    limit = limit_of(len(candidates))

    def visit(group: Sequence[Factored]) -> None:
        if not group or len(made) >= limit:
            return
        names, before = _names(group), _names(kept)
        found = compare((*before, *names), before)
        promised = sum(each.saved for each in group) / (macs - sum(each.saved for each in kept))
        whole = found.faster and (len(group) == 1 or 1 - found.ratio >= PROMISE * promised)
        at = len(made)
        made.append(found.compared(names, taken=whole))
        if whole:
            kept.extend(group)
        elif len(group) > 1:
            count = len(kept)
            visit(group[: len(group) // 2])
            visit(group[len(group) // 2 :])
            if found.faster and len(kept) == count:  # together they are, alone it drowns in what one turn differs
                kept.extend(group)
                made[at] = found.compared(names, taken=True)

    visit(candidates)
    return _names(kept), tuple(made)


def _names(group: Sequence[Factored]) -> Names:
    return tuple(each.node for each in group)
