"""Sums, differences and products of integers that wrap, as ONNX's and NumPy's do.

TVM tells LLVM that integers of 32 and 64 bits do not overflow, and both reason with that once such a step is fused with
the next: `int64(x + y)` of int32 becomes a sum in int64. So 32 bits are computed in 64. Nothing is wider than 64 bits:
their steps are functions of their own, which nothing is fused with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..builder import Builder, Expr, dtype_of
from .elements import Element, elementwise, elementwise_apart

_WIDER: Final = {"int8": "int32", "uint8": "int32", "int16": "int32", "uint16": "int64", "int32": "int64"} | {
    "uint32": "uint64"
}


def wrapping(b: Builder, name: str, element: Callable[..., Element], /, *operands: Expr) -> Expr:
    """Compute elements by integer arithmetic of `wrapped`, from operands that broadcast."""
    write = elementwise if dtype_of(operands[0]) in _WIDER else elementwise_apart
    return write(b, name, element, *operands)


def wrapped(operation: str, x: Element, y: Element) -> Element:
    """Work on two integers of one dtype: `add`, `subtract` or `multiply`; to be written by `wrapping` alone."""
    dtype = str(x.ty.dtype)
    wide = _WIDER.get(dtype, dtype)
    if (dtype, operation) == ("uint32", "subtract"):
        wide = "int64"  # below 0, where unsigned numbers may not go
    x, y = (value.astype(wide) for value in (x, y))
    match operation:
        case "add":
            result = x + y
        case "subtract":
            result = x - y
        case _:
            result = x * y
    return result.astype(dtype)
