"""Reading a tensor at points between its elements: for every axis a few taps, each a place and its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ..toolkit import te, tirx

CUBIC = -0.75
"""The coefficient of the cubic curve (Keys, 1981) that ONNX uses."""

Element = Any
"""An expression of one element, `tvm.tirx.Expr`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tap:
    """A place along one axis, a whole number that is float32 yet, and its weight; None: 1."""

    place: Element
    weight: Element | None


def real(value: float) -> Element:
    """Give a constant of float32."""
    return tirx().const(value, "float32")


def held(x: Element, low: float, high: float) -> Element:
    """Bring a float32 between two bounds."""
    return te().max(te().min(x, real(high)), real(low))


def nearest(x: Element) -> list[Tap]:
    """Take the nearest place, the even one of two."""
    return [Tap(place=te().nearbyint(x), weight=None)]


def linear(x: Element) -> list[Tap]:
    """Take the places before and after."""
    before = te().floor(x)
    share = x - before
    return [Tap(place=before, weight=real(1) - share), Tap(place=before + real(1), weight=share)]


def cubic(x: Element) -> list[Tap]:
    """Take two places before and two after, by Keys' curve."""
    before = te().floor(x)
    share = x - before
    a = CUBIC
    near, far = (a + 2, -(a + 3), 0.0, 1.0), (a, -5 * a, 8 * a, -4 * a)
    taps = []
    for step, curve in ((-1, far), (0, near), (1, near), (2, far)):
        distance = share - real(step) if step <= 0 else real(step) - share
        taps.append(Tap(place=before + real(step), weight=_polynomial(distance, curve)))
    return taps


def _polynomial(x: Element, factors: Sequence[float]) -> Element:
    result = real(factors[0])
    for factor in factors[1:]:
        result = result * x + real(factor)
    return result


def inside(x: Element, low: float, high: float) -> Element:
    """Give 1 where `low` ≤ x ≤ `high`, and 0 elsewhere."""
    return tirx().Select(tirx().all(x >= real(low), x <= real(high)), real(1), real(0))


def or_zero(tap: Tap, size: int) -> Tap:
    """Let a tap outside of an axis weigh nothing."""
    kept = inside(tap.place, 0, size - 1)
    return Tap(place=tap.place, weight=kept if tap.weight is None else tap.weight * kept)


def parts(read: Callable[..., Element], axes: Sequence[Sequence[Tap]], sizes: Sequence[int]) -> list[Element]:
    """Give what `read(*places)` gives at every combination of taps, weighed, as float32; places are held inside."""
    found = []
    for taps in product(*axes):
        places = (held(tap.place, 0, size - 1).astype("int64") for tap, size in zip(taps, sizes, strict=True))
        value = read(*places).astype("float32")
        for tap in taps:
            value = value if tap.weight is None else value * tap.weight
        found.append(value)
    return found
