"""Reductions over axes, and the places of the largest and the smallest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import onnx_ir as ir
import torch

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .integers import quotient_uint64
from .numbers import Number, known, numbers
from .unsigned import SIGNED, cooked, ordered, raw, unordered

if TYPE_CHECKING:
    from torch.fx import Node

_BEFORE: Final = {"ReduceL1": torch.abs, "ReduceSumSquare": torch.square, "ReduceL2": torch.square}
_AFTER: Final = {"ReduceL2": torch.sqrt, "ReduceLogSum": torch.log}
"""ONNX operator → what is done to every element before it sums, and to the sum."""

_OF_FLOATS_ALONE: Final = frozenset({"ReduceL2", "ReduceLogSum", "ReduceLogSumExp"})


def reduce(call: Call[Node], b: Builder) -> Node:
    """Sums of elements as they are, of their sizes or squares; over no axes each element stands alone."""
    x, dtype, axes = call[0], call.dtype(), _axes(call, b)
    if call.op in _OF_FLOATS_ALONE and not dtype.is_floating_point():
        raise Refused(f"{call.op} of integers is rounded before it is cut to an integer")
    if call.op == "ReduceLogSumExp":
        return b.call(torch.logsumexp, x, axes, keepdim=_keeps(call)) if axes else x
    x = raw(b, x, dtype)
    if call.op in _BEFORE and not (call.op == "ReduceL1" and dtype in SIGNED):  # those are their own sizes
        x = b.call(_BEFORE[call.op], x)
    if axes:
        held = {} if dtype.is_floating_point() else {"dtype": _computed(dtype)}  # else int64 comes out
        x = b.call(torch.sum, x, axes, keepdim=_keeps(call), **held)
    if call.op in _AFTER:
        x = b.call(_AFTER[call.op], x)
    return cooked(b, x, dtype)


def _computed(dtype: ir.DataType) -> torch.dtype:
    return SIGNED.get(dtype, TORCH_DTYPES[dtype])


def _axes(call: Call[Node], b: Builder) -> list[Number]:
    """Give the axes; all when none are named, unless that means none."""
    given = numbers(call, b, 1, "list of axes") if call.has(1) else []
    if not given and not call.integer("noop_with_empty_axes", 0):
        return [*range(call.rank())]
    axes = known(given)
    return given if axes is None else [*sorted({axis % max(call.rank(), 1) for axis in axes})]


def _keeps(call: Call[Node]) -> bool:
    return bool(call.integer("keepdims", 1))


def mean(call: Call[Node], b: Builder) -> Node:
    """ReduceMean; that of integers is rounded towards zero."""
    x, dtype, axes = call[0], call.dtype(), _axes(call, b)
    if not axes:
        return x
    if dtype.is_floating_point():
        return b.call(torch.mean, x, axes, keepdim=_keeps(call))
    if dtype == ir.DataType.UINT64:
        return b.call(mean_uint64, x, axes, _keeps(call))
    return b.call(mean_of_integers, x, axes, _keeps(call))


def mean_of_integers(x: torch.Tensor, axes: Sequence[int], keep: bool) -> torch.Tensor:
    """Divide the sum in int64 by the count, rounded towards zero."""
    total = torch.sum(x.to(torch.int64), list(axes), keepdim=keep)
    return torch.div(total, _count(x, axes), rounding_mode="trunc").to(x.dtype)


def mean_uint64(x: torch.Tensor, axes: Sequence[int], keep: bool) -> torch.Tensor:
    """Divide the sum in uint64, which wraps around, by the count."""
    total = torch.sum(x.view(torch.int64), list(axes), keepdim=keep)
    return quotient_uint64(total.view(torch.uint64), torch.full_like(total, _count(x, axes)).view(torch.uint64))


def _count(x: torch.Tensor, axes: Sequence[int]) -> int:
    count = 1
    for axis in axes:
        count *= x.size(axis)
    return count


def product(call: Call[Node], b: Builder) -> Node:
    """ReduceProd, an axis at a time."""
    x, dtype, keep = raw(b, call[0], call.dtype()), call.dtype(), _keeps(call)
    given = _axes(call, b)
    axes = known(given)
    if axes is None and len(given) > 1:
        raise Refused("several axes that are not constant")
    for axis in given if axes is None else reversed(axes):
        x = b.call(torch.prod, x, axis, keepdim=keep, dtype=_computed(dtype))
    return cooked(b, x, dtype)


def extreme(call: Call[Node], b: Builder) -> Node:
    """ReduceMax and ReduceMin; what is NaN stays so."""
    axes = _axes(call, b)
    if not axes:
        return call[0]
    shape = call.node.inputs[0].shape if call.node.inputs[0] is not None else None
    if shape is not None and any(isinstance(axis, int) and shape[axis] == 0 for axis in axes):
        return _of_nothing(call, b)
    work: Callable[..., Any] = torch.amax if call.op == "ReduceMax" else torch.amin
    x = b.call(work, ordered(b, call[0], call.dtype()), axes, keepdim=_keeps(call))
    return unordered(b, x, call.dtype())


def _of_nothing(call: Call[Node], b: Builder) -> Node:
    """Give what is above, or below, all numbers of the dtype."""
    dtype = TORCH_DTYPES[call.dtype()]
    if dtype is torch.bool:
        least, most = 0.0, 1.0
    elif dtype.is_floating_point:
        least, most = float("-inf"), float("inf")
    else:
        least, most = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    return b.call(torch.full, list(call.result_shape()), least if call.op == "ReduceMax" else most, dtype=dtype)


def place_of_extreme(call: Call[Node], b: Builder) -> Node:
    """ArgMax and ArgMin: of several the first, or the last."""
    x, axis = ordered(b, call[0], call.dtype()), call.axis(0)
    if call.integer("select_last_index", 0):
        return b.call(last_of_largest if call.op == "ArgMax" else last_of_smallest, x, axis, _keeps(call))
    return b.call(torch.argmax if call.op == "ArgMax" else torch.argmin, x, axis, keepdim=_keeps(call))


def last_of_largest(x: torch.Tensor, axis: int, keep: bool) -> torch.Tensor:
    """Give the place of the last of the largest elements along an axis."""
    return x.size(axis) - 1 - torch.argmax(x.flip(axis), axis, keepdim=keep)


def last_of_smallest(x: torch.Tensor, axis: int, keep: bool) -> torch.Tensor:
    """Give the place of the last of the smallest elements along an axis."""
    return x.size(axis) - 1 - torch.argmin(x.flip(axis), axis, keepdim=keep)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(
        ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSum", "ReduceSumSquare"), reduce
    ),
    **dict.fromkeys(("ArgMax", "ArgMin"), place_of_extreme),
    **dict.fromkeys(("ReduceMax", "ReduceMin"), extreme),
    "ReduceMean": mean,
    "ReduceProd": product,
}
