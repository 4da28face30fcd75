"""Results whose every element is computed by itself, from the elements of operands that broadcast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..builder import Builder, Expr
from ..toolkit import tirx
from .pieces import sizes_of

Element = Any
"""An expression of one element, `tvm.tirx.Expr`."""


def elementwise(b: Builder, name: str, element: Callable[..., Element], /, *operands: Expr) -> Expr:
    """Compute `element(x, y, …)` of operands that broadcast; its dtype is that of the result."""
    return _broadcast(b.each, name, element, operands)


def elementwise_apart(b: Builder, name: str, element: Callable[..., Element], /, *operands: Expr) -> Expr:
    """Compute as `elementwise`, in a function that is fused with no other."""
    return _broadcast(b.apart, name, element, operands)


def _broadcast(
    write: Callable[..., Expr], name: str, element: Callable[..., Element], operands: Sequence[Expr]
) -> Expr:
    shape = np.broadcast_shapes(*(sizes_of(operand) for operand in operands))
    return write(name, shape, lambda place, *tensors: element(*(at(tensor, place) for tensor in tensors)), *operands)


def at(tensor: Any, place: Sequence[Any]) -> Element:
    """Give the element of a tensor that stands at a place of what it broadcasts to."""
    sizes = [int(size) for size in tensor.shape]
    behind = [*place][len(place) - len(sizes) :]
    return tensor(*(index if size > 1 else whole(0) for index, size in zip(behind, sizes, strict=True)))


def whole(number: int, dtype: str = "int64") -> Element:
    """Give an integer constant."""
    if number > np.iinfo(np.int64).max:
        return tirx().bitwise_not(tirx().const(int(np.iinfo(dtype).max) - number, dtype))
    return tirx().const(number, dtype)


def either(condition: Element, yes: Element, no: Element) -> Element:
    """Choose; both are computed, so neither may fail where the other is meant."""
    return tirx().Select(condition, yes, no)
