"""Sums, differences and products of integers that wrap, as ONNX's and NumPy's do.

TVM tells LLVM that integers of 32 and 64 bits do not overflow, and both reason with that once such a step is fused with
the next: `int64(x + y)` of int32 becomes a sum in int64. So 32 bits are computed in 64, and 64 bits in two halves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..toolkit import tirx
from .elements import Element, whole

_HALF: Final = (1 << 32) - 1


def _sum(x: Element, y: Element, carry: int = 0) -> Element:
    """Add uint64 by halves, and one more when `carry` is 1."""
    low = _low(x) + _low(y) + whole(carry, "uint64")
    return _joined(low, _high(x) + _high(y) + _high(low))


def _difference(x: Element, y: Element) -> Element:
    return _sum(x, tirx().bitwise_not(y), 1)


def _product(x: Element, y: Element) -> Element:
    low = _low(x) * _low(y)
    return _joined(low, _high(low) + _low(_low(x) * _high(y)) + _low(_high(x) * _low(y)))


def _low(x: Element) -> Element:
    return tirx().bitwise_and(x, whole(_HALF, "uint64"))


def _high(x: Element) -> Element:
    return tirx().shift_right(x, whole(32, "uint64"))


def _joined(low: Element, high: Element) -> Element:
    return tirx().bitwise_or(tirx().shift_left(_low(high), whole(32, "uint64")), _low(low))


_IN_HALVES: Final[Mapping[str, Callable[[Element, Element], Element]]] = {
    "add": _sum,
    "subtract": _difference,
    "multiply": _product,
}

_WIDER: Final = {"int8": "int32", "uint8": "int32", "int16": "int32", "uint16": "int64", "int32": "int64"} | {
    "uint32": "uint64"
}


def wrapped(operation: str, x: Element, y: Element) -> Element:
    """Work on two integers of one dtype: `add`, `subtract` or `multiply`."""
    dtype = str(x.ty.dtype)
    if dtype in ("int64", "uint64") or (dtype, operation) == ("uint32", "subtract"):
        return _IN_HALVES[operation](x.astype("uint64"), y.astype("uint64")).astype(dtype)
    x, y = (value.astype(_WIDER[dtype]) for value in (x, y))
    match operation:
        case "add":
            result = x + y
        case "subtract":
            result = x - y
        case _:
            result = x * y
    return result.astype(dtype)
