"""Which ranks layers get: what each rank costs and loses, and the choice over all layers."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from ..passes.editing import Array

Ranks = TypeVar("Ranks", int, Array)


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What the multiply-accumulates of a layer and its factors follow from.

    `places_in` and `places_out` count the places of one call at which the layer reads and gives all its channels.
    """

    outputs: int
    inputs: int
    positions: int
    places_in: int
    places_out: int

    def macs(self, rank_out: Ranks, rank_in: Ranks) -> Ranks:
        """Give the multiply-accumulates with factors of these ranks; a side of full rank has no factor."""
        core = self.places_out * rank_out * rank_in * self.positions
        enter = self.places_in * rank_in * self.inputs * (rank_in < self.inputs)
        leave = self.places_out * rank_out * self.outputs * (rank_out < self.outputs)
        macs: Ranks = core + enter + leave
        return macs


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Ranks, what they multiply, and the share of the layer's energy (squared singular values) that they lose.

    With both sides reduced `lost` is the sum of both, which the error never exceeds (De Lathauwer et al., A Multilinear
    Singular Value Decomposition, 2000, property 10).
    """

    rank_out: int
    rank_in: int
    macs: int
    lost: float


Curve = tuple[Choice, ...]
"""The choices of a layer that no other one beats: `macs` rise, `lost` falls. The last is the layer as it is."""


def curve(size: Size, energies_out: Array, energies_in: Array, multiple: int) -> Curve:
    """Give the choices of a layer, ranks in multiples of `multiple`.

    A layer of one position has the outputs' side alone: there both sides have the same singular values.
    """
    full = Choice(rank_out=size.outputs, rank_in=size.inputs, macs=size.macs(size.outputs, size.inputs), lost=0.0)
    steps_in = range(multiple, size.inputs, multiple) if size.positions > 1 else ()
    ranks_out = np.array([*range(multiple, size.outputs, multiple), size.outputs])[:, None]
    ranks_in = np.array([*steps_in, size.inputs])[None, :]
    macs = size.macs(ranks_out, ranks_in)
    lost = _at(_lost(energies_out), ranks_out) + _at(_lost(energies_in), ranks_in)
    order = np.lexsort((np.broadcast_to(ranks_out, macs.shape).ravel(), lost.ravel(), macs.ravel()))
    order = order[macs.ravel()[order] < full.macs]
    best = np.minimum.accumulate(np.append(1.0, lost.ravel()[order]))
    kept = order[best[1:] < best[:-1]]
    pairs = zip(*np.unravel_index(kept, macs.shape), strict=True)
    return *(
        Choice(
            rank_out=int(ranks_out[out, 0]),
            rank_in=int(ranks_in[0, into]),
            macs=int(macs[out, into]),
            lost=float(lost[out, into]),
        )
        for out, into in pairs
    ), full


def keeping(choices: Curve, energy: float) -> Choice:
    """Give the choice that multiplies least of those that keep a share of the energy."""
    return next(choice for choice in choices if 1 - choice.lost >= energy or choice is choices[-1])


def within(curves: Sequence[Curve], budget: float) -> list[Choice]:
    """Give a choice for each layer that together multiply no more than `budget` and lose little.

    From the full ranks down, the step goes first that loses least for each multiply-accumulate that it saves, along the
    convex hull of every curve: the optimum for whatever sum this stops at (Everett, Generalized Lagrange Multiplier
    Method, 1963). The last step is the one that loses least of all that meet the budget, and what it saved beyond is
    given back where that helps most.

    Raises:
        ValueError: when the least ranks multiply more; says how much.
    """
    least = sum(choices[0].macs for choices in curves)
    if least > budget:
        raise ValueError(f"{least:,} are left with the least ranks")
    hulls = [_hull(choices) for choices in curves]
    at = [len(hull) - 1 for hull in hulls]
    spent = sum(hull[-1].macs for hull in hulls)
    steps = [(_price(hull, place), index) for index, (hull, place) in enumerate(zip(hulls, at, strict=True)) if place]
    heapq.heapify(steps)
    while spent > budget:
        _, index = heapq.heappop(steps)
        hull, place = hulls[index], at[index] - 1
        saved = hull[place + 1].macs - hull[place].macs
        if spent - saved <= budget:
            break
        spent -= saved
        at[index] = place
        if place:
            heapq.heappush(steps, (_price(hull, place), index))
    chosen = [hull[place] for hull, place in zip(hulls, at, strict=True)]
    if spent > budget:
        spent += _exchange(chosen, curves, -spent, budget - spent)
    while more := _exchange(chosen, curves, 1, budget - spent):
        spent += more
    return chosen


def _exchange(chosen: list[Choice], curves: Sequence[Curve], least: float, most: float) -> int:
    """Take another choice for one layer, of `least` to `most` multiply-accumulates more, the one that loses least.

    Gives how many more; 0 where there is none.
    """
    found = [
        (other.lost - now.lost, index, other.macs, other)
        for index, (choices, now) in enumerate(zip(curves, chosen, strict=True))
        for other in choices
        if least <= other.macs - now.macs <= most
    ]
    if not found:
        return 0
    _, index, macs, other = min(found, key=lambda each: each[:3])
    more = macs - chosen[index].macs
    chosen[index] = other
    return more


def _lost(energies: Array) -> Array:
    """Give for each rank from 0 on the share of the energy behind it."""
    total = float(energies.sum())
    if total <= 0:
        return np.zeros(energies.size + 1)
    behind = np.append(np.cumsum(energies[::-1])[::-1], 0.0)
    return behind / total


def _at(lost: Array, ranks: Array) -> Array:
    found: Array = lost[np.minimum(ranks, lost.size - 1)]
    return found


def _hull(choices: Curve) -> list[Choice]:
    """Give the choices on the lower convex hull: from each to the next one down, what a saved one costs only rises."""
    hull: list[Choice] = []
    for choice in reversed(choices):
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) >= _slope(hull[-1], choice):
            hull.pop()
        hull.append(choice)
    assert all(more.macs > less.macs for more, less in pairwise(hull))
    return hull[::-1]


def _slope(more: Choice, less: Choice) -> float:
    return (less.lost - more.lost) / (more.macs - less.macs)


def _price(hull: Sequence[Choice], place: int) -> float:
    return _slope(hull[place], hull[place - 1])
