"""Which channels stay, so that a model multiplies no more than it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """What a layer multiplies: `macs` by all of its channels, and the roots of those that come in and go out.

    An empty one does not count: nothing shrinks there, or the other says it all, as in a depthwise convolution.
    """

    macs: int
    channels: tuple[Ids, ...]


def families(trace: Trace) -> tuple[Family, ...]:
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
    return tuple(_ordered(makers[roots[0]], roots, trace) for roots in found.values())


def _ordered(parts: Iterable[Part], roots: Sequence[int], trace: Trace) -> Family:
    """Order slots by the L2 norms of the weights that make them, each relative to the mean of its layer.

    Source: Li et al., Pruning Filters for Efficient ConvNets, 2017; the sum over a group, Fang et al., DepGraph, 2023.
    """
    importance = dict.fromkeys(roots, 0.0)
    for part in parts:
        value = part.node.inputs[part.index]
        assert value is not None
        assert value.const_value is not None
        weight = np.moveaxis(value.const_value.numpy().astype(np.float64), part.axis, 0)
        norms = np.linalg.norm(weight.reshape(len(weight), -1), axis=1)
        norms = norms / (norms.mean() or 1.0)
        for root, norm in zip(trace.slots.roots(part.ids).tolist(), norms.tolist(), strict=True):
            if root in importance:
                importance[root] += norm
    ordered = sorted(roots, key=lambda root: (-importance[root], root))
    return Family(slots=np.array(ordered), layers=tuple(parts))


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
    """How wide families may be: multiples of `multiple` where they have more, and no less than `least`."""

    multiple: int
    least: int

    def of(self, family: Family, share: float) -> int:
        """Give the width nearest to a share of a family's."""
        channels = family.slots.size
        wanted = channels * share
        width = self.multiple * round(wanted / self.multiple) if channels > self.multiple else round(wanted)
        return min(channels, max(width, self.least, 1))

    def next(self, family: Family, width: int) -> int:
        """Give the next larger width of a family; its own where there is none."""
        step = self.multiple if family.slots.size > self.multiple else 1
        return min(family.slots.size, width + step)


def choose(trace: Trace, groups: Sequence[Family], found: Sequence[Layer], budget: float, widths: Widths) -> Gone:
    """Give what goes, so that at most `budget` multiply-accumulates are left.

    The same share of every family, as large as the budget lets it be; what that leaves of the budget goes to the
    families that lost most, a step at a time.

    Raises:
        ValueError: when even the least widths multiply more than the budget.
    """

    def gone(chosen: Sequence[int]) -> Gone:
        result = np.zeros(len(trace.slots), bool)
        for family, width in zip(groups, chosen, strict=True):
            result[family.slots[width:]] = True
        return result

    def at(share: float) -> list[int]:
        return [widths.of(family, share) for family in groups]

    shares = sorted(
        {0.0, *(width / family.slots.size for family in groups for width in range(1, family.slots.size + 1))}
    )
    least = macs_left(found, gone(at(0.0)))
    if least > budget:
        raise ValueError(f"{round(least):,} are left at the least")
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
