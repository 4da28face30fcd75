"""The larger and the smaller of two elements, where NaN stays NaN.

TVM's `max(a, b)` is `a > b ? a : b` when LLVM gets it: `b` where either is NaN. So what may be NaN stands on the right,
which costs nothing; only where both may be, one is looked at.
"""

from __future__ import annotations

from typing import Any

from ..toolkit import te, tirx
from .elements import Element, either
from .pieces import FLOATS


def bounded(x: Element, low: float | None, high: float | None) -> Element:
    """Bring an element between two bounds that are no NaN; a lower one above the upper one gives the upper one."""
    x = x if low is None else tirx().max(tirx().const(low, str(x.ty.dtype)), x)
    return x if high is None else tirx().min(tirx().const(high, str(x.ty.dtype)), x)


def larger(x: Element, y: Element) -> Element:
    """Give the larger of two elements of one dtype, NaN where one is."""
    return _chosen(tirx().max, x, y)


def smaller(x: Element, y: Element) -> Element:
    """Give the smaller of two elements of one dtype, NaN where one is."""
    return _chosen(tirx().min, x, y)


def _chosen(choose: Any, x: Element, y: Element) -> Element:
    best = choose(y, x)  # x where either is NaN: in a reduction only the element, not the result so far, is looked at
    return either(tirx().isnan(y), y, best) if str(x.ty.dtype) in FLOATS else best


def alike(x: Element, y: Element) -> Element:
    """Whether two elements of one dtype are equal, or both NaN."""
    equal = x == y
    if str(x.ty.dtype) not in FLOATS:
        return equal
    return tirx().any(equal, tirx().all(tirx().isnan(x), tirx().isnan(y)))


def worst(dtype: str, largest: bool) -> Element:
    """Give what no element is worse than, where the largest or the smallest is looked for."""
    if dtype in FLOATS:
        infinity = tirx().infinity(dtype)
        return -infinity if largest else infinity
    return tirx().min_value(dtype) if largest else tirx().max_value(dtype)


def joining(largest: bool) -> Any:
    """Give a reducer of `tvm.te` that finds the largest or the smallest over axes; a NaN among them is the result.

    TVM's own loses NaN, and says −3.4e38 for the largest of nothing but −∞.
    """
    return te().comm_reducer(
        larger if largest else smaller,
        lambda dtype: worst(dtype, largest),
        name="extreme",
    )
