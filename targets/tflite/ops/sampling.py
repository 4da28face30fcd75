"""Reading a grid of values at points between them: GATHER picks rows for every tap of a window, to weigh and join."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Operand
from ..dialect import shape_of

CUBIC = -0.75
"""The coefficient of the cubic curve (Keys, 1981) that ONNX uses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tap:
    """One place along one axis for each point: `index` float[N, P], whole numbers, and `weight` float[N, P]."""

    index: ir.Value
    weight: ir.Value | None


def nearest(b: Builder, x: ir.Value) -> list[Tap]:
    """Take the nearest place, the even one of two."""
    return [Tap(index=b.unary("ROUND", x), weight=None)]


def linear(b: Builder, x: ir.Value) -> list[Tap]:
    """Take the places before and after."""
    before = b.unary("FLOOR", x)
    share = b.binary("SUB", x, before)
    rest = b.binary("SUB", b.full(1, x), share)
    return [Tap(index=before, weight=rest), Tap(index=b.binary("ADD", before, b.full(1, x)), weight=share)]


def cubic(b: Builder, x: ir.Value) -> list[Tap]:
    """Take two places before and two after, by Keys' curve."""
    before = b.unary("FLOOR", x)
    share = b.binary("SUB", x, before)
    a = CUBIC
    near, far = (a + 2, -(a + 3), 0.0, 1.0), (a, -5 * a, 8 * a, -4 * a)
    taps = []
    for step, curve in ((-1, far), (0, near), (1, near), (2, far)):
        shifted = b.binary("SUB", share, b.full(step, x))
        distance = shifted if step <= 0 else b.binary("SUB", b.full(step, x), share)
        taps.append(Tap(index=b.binary("ADD", before, b.full(step, x)), weight=_polynomial(b, distance, curve)))
    return taps


def _polynomial(b: Builder, x: ir.Value, factors: Sequence[float]) -> ir.Value:
    result = b.value(b.full(factors[0], x))
    for factor in factors[1:]:
        result = b.binary("ADD", b.binary("MUL", result, x), b.full(factor, x))
    return result


def clamp(b: Builder, x: ir.Value, low: float, high: float) -> ir.Value:
    """Bring `x` to the nearest number from `low` to `high`."""
    return b.binary("MINIMUM", b.binary("MAXIMUM", x, b.full(low, x)), b.full(high, x))


def inside(b: Builder, x: ir.Value, low: float, high: float) -> ir.Value:
    """Tell where `low` ≤ x ≤ `high`."""
    at_least = b.compare("GREATER_EQUAL", x, b.full(low, x))
    return b.binary("LOGICAL_AND", at_least, b.compare("LESS_EQUAL", x, b.full(high, x)))


def or_zero(b: Builder, tap: Tap, size: int) -> Tap:
    """Let a tap outside of an axis weigh nothing."""
    weight = tap.weight or b.value(np.ones((), np.float32))
    kept = b.select(inside(b, tap.index, 0, size - 1), weight, np.zeros((), np.float32))
    return Tap(index=tap.index, weight=kept)


def joined(
    b: Builder, x: ir.Value, axes: Sequence[Sequence[Tap]], start: Operand | None = None, join: str = "ADD"
) -> ir.Value:
    """Join the values at all taps: `x` float[N, spatial…, C] gives float[N, P, C].

    `start` int32[N, 1] is the first row of each sample, when they are not read in their order.
    """
    batch, *spatial, channels = shape_of(x)
    if math.prod(shape_of(x)[:-1]) >= 2**31:
        raise Refused("it has more places than int32 counts")
    rows = b.reshape(x, (batch * math.prod(spatial), channels))
    first = start if start is not None else (np.arange(batch, dtype=np.int32) * math.prod(spatial))[:, np.newaxis]
    steps = [math.prod(spatial[axis + 1 :]) for axis in range(len(spatial))]
    places = [
        [_places(b, tap.index, size, step) for tap in taps]
        for taps, size, step in zip(axes, spatial, steps, strict=True)
    ]
    parts = []
    for chosen in product(*(range(len(taps)) for taps in axes)):
        place = _together(b, "ADD", [places[axis][tap] for axis, tap in enumerate(chosen)])
        part = b.gather(rows, b.binary("ADD", place, first), 0)
        weights = [weight for axis, tap in enumerate(chosen) if (weight := axes[axis][tap].weight) is not None]
        if weights:
            weight = _together(b, "MUL", weights)
            part = b.binary("MUL", part, b.reshape(weight, (*shape_of(weight), 1)))
        parts.append(part)
    return _together(b, join, parts)


def _places(b: Builder, index: ir.Value, size: int, step: int) -> ir.Value:
    whole = b.cast(clamp(b, index, 0, size - 1), ir.DataType.INT32)
    return whole if step == 1 else b.binary("MUL", whole, b.full(step, whole))


def _together(b: Builder, operator: str, values: Sequence[ir.Value]) -> ir.Value:
    combine: Callable[[ir.Value, ir.Value], ir.Value] = lambda x, y: b.binary(operator, x, y)  # noqa: E731 - typed
    return reduce(combine, values)
