"""Reading a grid of values at points between them: every point takes some taps along each axis, and weighs them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

CUBIC: Final = -0.75
"""The coefficient of the cubic curve (Keys, 1981) that ONNX uses."""


@dataclass(frozen=True, slots=True)
class Tap:
    """One place along one axis for each point: `index` float[N, P], whole numbers, and `weight` float[N, P]."""

    index: Tensor
    weight: Tensor


def nearest(x: Tensor) -> list[Tap]:
    """Take the nearest place, the even one of two."""
    return [Tap(torch.round(x), torch.ones_like(x))]


def linear(x: Tensor) -> list[Tap]:
    """Take the places before and after."""
    before = torch.floor(x)
    return [Tap(before, 1 - (x - before)), Tap(before + 1, x - before)]


def cubic(x: Tensor) -> list[Tap]:
    """Take two places before and two after, by Keys' curve."""
    before, a = torch.floor(x), CUBIC
    share = x - before

    def near(d: Tensor) -> Tensor:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Tensor) -> Tensor:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    weights = (far(share + 1), near(share), near(1 - share), far(2 - share))
    return [Tap(before + step, weight) for step, weight in zip((-1, 0, 1, 2), weights, strict=True)]


def or_zero(tap: Tap, size: int) -> Tap:
    """Let a tap outside of an axis weigh nothing."""
    return Tap(tap.index, tap.weight * ((tap.index >= 0) & (tap.index <= size - 1)))


def reflected(x: Tensor, low: float, high: float) -> Tensor:
    """Reflect at both ends until inside: a triangle of the distance from `low`."""
    span = high - low
    if span == 0:
        return x.clamp(low, high)
    there = torch.remainder((x - low).abs(), 2 * span)
    return torch.minimum(there, 2 * span - there) + low


def read(x: Tensor, axes: Sequence[Sequence[Tap]], most: bool = False) -> Tensor:
    """Give the weighed sum of all taps, or the largest of them: x [N, C, spatial…] gives [N, C, P]."""
    flat, spatial = x.flatten(2), x.shape[2:]
    steps = [math.prod(spatial[axis + 1 :]) for axis in range(len(spatial))]
    parts = []
    for taps in product(*axes):
        places = (
            tap.index.clamp(0, size - 1).to(torch.int64) * step
            for tap, size, step in zip(taps, spatial, steps, strict=True)
        )
        place = reduce(torch.add, places).unsqueeze(1).expand(-1, x.shape[1], -1)
        weight = reduce(torch.mul, (tap.weight for tap in taps))
        parts.append(torch.gather(flat, 2, place) * weight.unsqueeze(1).to(x.dtype))
    return reduce(torch.maximum if most else torch.add, parts)
