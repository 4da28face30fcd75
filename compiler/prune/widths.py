"""Which channels stay, so that a model multiplies no more than it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from .importance import Importance, by_magnitude
from .marks import Part, Trace
from .slots import FIXED, Ids

Gone = NDArray[np.bool_]
"""By the number of a root: whether its slot is taken out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Slots that the same layers make: one width.

    `slots`: their roots, from the most important to the least.
    """

    slots: Ids
    layers: tuple[Part, ...]
    run: int
    """So many channels side by side go with one slot: those of a head of attention; one elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """What a layer multiplies: `macs` by all of its channels, and the roots of those that come in and go out.

    An empty one does not count: nothing shrinks there, or the other says it all, as in a depthwise convolution.
    """

    macs: int
    channels: tuple[Ids, ...]


def families(trace: Trace, importance: Importance = by_magnitude) -> tuple[Family, ...]:
    """Give the families of a model, in the order of its layers; slots that stay are in none."""
    makers: dict[int, list[Part]] = {}
    for part in trace.parts:
        if part.makes:
            for root in np.unique(trace.slots.roots(part.ids)).tolist():
                makers.setdefault(root, []).append(part)
    makers.pop(FIXED, None)
    found: dict[tuple[int, ...], list[int]] = {}
    for root, parts in makers.items():
        found.setdefault(tuple(map(id, parts)), []).append(root)
    judged = importance(trace)
    return tuple(
        Family(
            slots=np.array(sorted(roots, key=lambda root: (-judged[root], root))),
            layers=tuple(makers[roots[0]]),
            run=min(_run(trace.slots.roots(part.ids)) for part in makers[roots[0]]),
        )
        for roots in found.values()
    )


def _run(roots: Ids) -> int:
    """Give how many neighbours at least have the same slot, all along."""
    ends = np.flatnonzero(np.diff(roots)) + 1
    return gcd(*np.diff([0, *ends, roots.size]).tolist())


def layers(trace: Trace, costs: Mapping[ir.Node, int]) -> tuple[Layer, ...]:
    """Give what every layer multiplies. costs: node → multiply-accumulates."""
    channels = {node: [trace.slots.roots(ids) for ids in axes] for node, axes in trace.products.items()}
    for part in trace.parts:
        if part.index == 1:  # the weights
            channels.setdefault(part.node, []).append(trace.slots.roots(part.ids))
    return tuple(Layer(macs=macs, channels=tuple(channels.get(node, ()))) for node, macs in costs.items())


def macs_left(found: Iterable[Layer], gone: Gone) -> float:
    """Give the multiply-accumulates that are left."""
    return sum(layer.macs * float(np.prod([1 - gone[ids].mean() for ids in layer.channels])) for layer in found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Widths:
    """How wide families may be, in channels: multiples of `multiple` where they have more, and no less than `least`."""

    multiple: int
    least: int

    def of(self, family: Family, share: float) -> int:
        """Give the number of slots nearest to a share of a family's."""
        step, slots = self._step(family), family.slots.size
        return min(self._most(family), max(step * round(slots * share / step), -(-self.least // family.run), 1))

    def next(self, family: Family, width: int) -> int:
        """Give the next larger number of a family's slots; this one where there is none."""
        return min(self._most(family), width + self._step(family))

    def _most(self, family: Family) -> int:
        """Give how many slots a family may keep: a width that is no multiple goes down to one."""
        return family.slots.size - family.slots.size % self._step(family)

    def _step(self, family: Family) -> int:
        step = self.multiple // gcd(self.multiple, family.run)
        return step if family.slots.size > step else 1


def narrowed(trace: Trace, groups: Sequence[Family], chosen: Sequence[int]) -> Gone:
    """Give what goes when families keep so many slots each."""
    gone = np.zeros(len(trace.slots), bool)
    for family, width in zip(groups, chosen, strict=True):
        gone[family.slots[width:]] = True
    return gone


def choose(trace: Trace, groups: Sequence[Family], found: Sequence[Layer], budget: float, widths: Widths) -> Gone:
    """Give what goes, so that at most `budget` multiply-accumulates are left, or what the least widths leave.

    The same share of every family, as large as the budget lets it be; what that leaves of the budget goes to the
    families that lost most, a step at a time.
    """

    def gone(chosen: Sequence[int]) -> Gone:
        return narrowed(trace, groups, chosen)

    def at(share: float) -> list[int]:
        return [widths.of(family, share) for family in groups]

    shares = sorted(
        {0.0, *(width / family.slots.size for family in groups for width in range(1, family.slots.size + 1))}
    )
    low, high = 0, len(shares) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if macs_left(found, gone(at(shares[middle]))) <= budget else (low, middle - 1)
    chosen = at(shares[low])
    while True:
        for index in sorted(range(len(groups)), key=lambda index: chosen[index] / groups[index].slots.size):
            wider = chosen.copy()
            wider[index] = widths.next(groups[index], chosen[index])
            if wider != chosen and macs_left(found, gone(wider)) <= budget:
                chosen = wider
                break
        else:
            return gone(chosen)
