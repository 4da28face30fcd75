"""Reading a grid of values at points between them: `gather` picks rows for every tap of a window, to weigh and join."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from ..builder import Array, Builder, Var, type_name
from ..call import fixed
from .pieces import reshaped

CUBIC = -0.75
"""The coefficient of the cubic curve (Keys, 1981) that ONNX uses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tap:
    """One place along one axis for each point: `index` float[N, P], whole numbers, and `weight` float[N, P]."""

    index: Var
    weight: Var | None


def nearest(b: Builder, x: Var) -> list[Tap]:
    """Take the nearest place, the even one of two."""
    return [Tap(index=b.op("round", x=x), weight=None)]


def linear(b: Builder, x: Var) -> list[Tap]:
    """Take the places before and after."""
    before = b.op("floor", x=x)
    share = b.op("sub", x=x, y=before)
    rest = b.op("sub", x=1.0, y=share)
    return [Tap(index=before, weight=rest), Tap(index=b.op("add", x=before, y=1.0), weight=share)]


def cubic(b: Builder, x: Var) -> list[Tap]:
    """Take two places before and two after, by Keys' curve."""
    before = b.op("floor", x=x)
    share = b.op("sub", x=x, y=before)
    a = CUBIC
    near, far = (a + 2, -(a + 3), 0.0, 1.0), (a, -5 * a, 8 * a, -4 * a)
    taps = []
    for step, curve in ((-1, far), (0, near), (1, near), (2, far)):
        distance = b.op("sub", x=share, y=float(step)) if step <= 0 else b.op("sub", x=float(step), y=share)
        index = b.op("add", x=before, y=float(step)) if step else before
        taps.append(Tap(index=index, weight=_polynomial(b, distance, curve)))
    return taps


def _polynomial(b: Builder, x: Var, factors: Sequence[float]) -> Var:
    result = b.op("add", x=b.op("mul", x=x, y=factors[0]), y=factors[1])
    for factor in factors[2:]:
        result = b.op("mul", x=result, y=x)
        result = b.op("add", x=result, y=factor) if factor else result
    return result


def inside(b: Builder, x: Var, low: float, high: float) -> Var:
    """Give 1 where `low` ≤ x ≤ `high`, and 0 elsewhere, in the dtype of x."""
    is_inside = b.op("logical_and", x=b.op("greater_equal", x=x, y=low), y=b.op("less_equal", x=x, y=high))
    return b.op("cast", x=is_inside, dtype=type_name(x))


def or_zero(b: Builder, tap: Tap, size: int) -> Tap:
    """Let a tap outside of an axis weigh nothing."""
    kept = inside(b, tap.index, 0.0, size - 1.0)
    return Tap(index=tap.index, weight=kept if tap.weight is None else b.op("mul", x=tap.weight, y=kept))


def joined(
    b: Builder, x: Var, axes: Sequence[Sequence[Tap]], start: Var | Array | None = None, join: str = "add"
) -> Var:
    """Join the values at all taps: `x` float[N, C, spatial…] gives float[N, P, C].

    `start` int32[N, 1] is the first row of each sample, when they are not read in their order.
    """
    batch, channels, *spatial = fixed(x.shape)
    rows = b.op("transpose", x=x, perm=[0, *range(2, len(x.shape)), 1])
    rows = reshaped(b, rows, (batch * math.prod(spatial), channels))
    first = start
    if first is None and batch > 1:
        first = (np.arange(batch, dtype=np.int32) * math.prod(spatial))[:, np.newaxis]
    steps = [math.prod(spatial[axis + 1 :]) for axis in range(len(spatial))]
    places = [
        [_places(b, tap.index, size, step) for tap in taps]
        for taps, size, step in zip(axes, spatial, steps, strict=True)
    ]
    parts = []
    for chosen in product(*(range(len(taps)) for taps in axes)):
        place = _together(b, "add", [places[axis][tap] for axis, tap in enumerate(chosen)])
        part = b.op("gather", x=rows, indices=place if first is None else b.op("add", x=place, y=first), axis=0)
        weights = [weight for axis, tap in enumerate(chosen) if (weight := axes[axis][tap].weight) is not None]
        if weights:
            weight = _together(b, "mul", weights)
            part = b.op("mul", x=part, y=b.op("expand_dims", x=weight, axes=[-1]))
        parts.append(part)
    return _together(b, join, parts)


def _places(b: Builder, index: Var, size: int, step: int) -> Var:
    whole = b.cast(b.op("clip", x=index, alpha=0.0, beta=size - 1.0), "int32")
    return whole if step == 1 else b.op("mul", x=whole, y=step)


def _together(b: Builder, operator: str, values: Sequence[Var]) -> Var:
    combine: Callable[[Var, Var], Var] = lambda x, y: b.op(operator, x=x, y=y)  # noqa: E731 - typed
    return reduce(combine, values)
