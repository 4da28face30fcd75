"""Reductions over axes, and the places of the largest and the smallest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr, dtype_of, extents
from ..lowering import Lowering
from ..toolkit import relax, te, tirx
from .elements import Element, either, elementwise, whole
from .extremes import alike, joining
from .pieces import FLOATS, cast, is_float, reshaped, sizes_of, times, widened

_EMPTY: Final = {"ReduceMax": -np.inf, "ReduceMin": np.inf, "ReduceProd": 1, "ReduceMean": np.nan} | {
    "ReduceLogSum": -np.inf,
    "ReduceLogSumExp": -np.inf,
}
"""What a reduction gives of no elements, where it is not 0."""


def reduction(call: Call[Expr], b: Builder) -> Expr:
    """Reduce over axes, reals of 16 bits in float32, booleans in uint8; over no axes each element stands alone."""
    x, dtype = call[0], dtype_of(call[0])
    axes = _axes(call)
    shape = sizes_of(x)
    reduced = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    if 0 in shape:
        return b.const(np.full(call.result_shape(), _of_nothing(call.op, dtype)), dtype)
    x = cast(b, x, "uint8") if dtype == "bool" else widened(b, x)
    if dtype not in FLOATS and call.op in ("ReduceL2", "ReduceLogSum", "ReduceLogSumExp"):
        x = cast(b, x, "float64")  # what is behind the point is cut off at the end
    result = reshaped(b, _REDUCTIONS[call.op](b, x, axes), reduced)
    return cast(b, reshaped(b, result, call.result_shape()), dtype)


def _of_nothing(op: str, dtype: str) -> Any:
    value = _EMPTY.get(op, 0)
    if dtype in FLOATS:
        return value
    if dtype == "bool":
        return op == "ReduceMin"
    return np.iinfo(dtype).min if value == -np.inf else np.iinfo(dtype).max if value == np.inf else int(value == 1)


def _axes(call: Call[Expr]) -> list[int]:
    """Give the axes, counted from the front; all when none are named, unless that means none."""
    given = call.constant_ints(1, "axes") if call.has(1) else call.ints("axes")
    if not given and call.integer("noop_with_empty_axes", 0):
        return []
    rank = call.rank()
    return sorted({axis % rank for axis in given}) if given and rank else [*range(rank)]


def _sum(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return _wide(b, x, axes, relax().op.sum)


def _product(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return _wide(b, x, axes, relax().op.prod)


def _wide(b: Builder, x: Expr, axes: Sequence[int], operator: Any) -> Expr:
    """Sum or multiply; 32 bits are kept in 64, whose lower half is what wraps (see `wrapping`)."""
    if not axes:
        return x
    dtype = dtype_of(x)
    wide = {"int32": "int64", "uint32": "uint64"}.get(dtype, dtype)
    return cast(b, b.op(operator, cast(b, x, wide), axis=[*axes], keepdims=True), dtype)


def _mean(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    """Average; integers are rounded towards zero."""
    count = math.prod(sizes_of(x)[axis] for axis in axes)
    if is_float(x):
        return b.op(relax().op.mean, x, axis=[*axes], keepdims=True) if axes else x
    return elementwise(b, "divide", lambda total: tirx().truncdiv(total, whole(count, dtype_of(x))), _sum(b, x, axes))


def _max(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return extreme(b, x, axes, largest=True) if axes else x


def _min(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return extreme(b, x, axes, largest=False) if axes else x


def _l1(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return _sum(b, x if dtype_of(x).startswith("u") else b.op(relax().op.abs, x), axes)


def _square(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return _sum(b, times(b, x, x), axes)


def _l2(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return b.op(relax().op.sqrt, _square(b, x, axes))


def _log_sum(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    return b.op(relax().op.log, _sum(b, x, axes))


def _log_sum_exp(b: Builder, x: Expr, axes: Sequence[int]) -> Expr:
    """Take the largest off before exp, so that nothing overflows; not an infinite one, which would leave NaN."""
    if not axes:
        return x
    top = extreme(b, x, axes, largest=True)

    def finite(value: Element) -> Element:
        dtype = str(value.ty.dtype)
        infinite = tirx().abs(value) == tirx().infinity(dtype)
        return either(infinite, tirx().const(0.0, dtype), value)

    top = elementwise(b, "finite", finite, top)
    small = b.op(relax().op.exp, b.op(relax().op.subtract, x, top))
    return b.op(relax().op.add, b.op(relax().op.log, _sum(b, small, axes)), top)


_REDUCTIONS: Final[dict[str, Callable[[Builder, Expr, Sequence[int]], Expr]]] = {
    "ReduceL1": _l1,
    "ReduceL2": _l2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _max,
    "ReduceMean": _mean,
    "ReduceMin": _min,
    "ReduceProd": _product,
    "ReduceSum": _sum,
    "ReduceSumSquare": _square,
}
"""ONNX operator → how it is computed, keeping the axes."""


def extreme(b: Builder, x: Expr, axes: Sequence[int], largest: bool) -> Expr:
    """Give the largest or smallest over axes that are kept with size 1; a NaN among them is the result."""
    shape, join = sizes_of(x), joining(largest)

    def compute(tensor: Any) -> Any:
        over = {axis: te().reduce_axis((whole(0), whole(shape[axis])), name=f"over_{axis}") for axis in axes}

        def one(*place: Any) -> Element:
            return join(tensor(*(over.get(axis, index) for axis, index in enumerate(place))), axis=[*over.values()])

        return te().compute(extents([1 if axis in axes else size for axis, size in enumerate(shape)]), one, name=name)

    name = compute.__name__ = "max" if largest else "min"
    return b.te(compute, x)


def place_of_extreme(call: Call[Expr], b: Builder) -> Expr:
    """ArgMax and ArgMin: the first or last of several; NaN counts as the most extreme, as NumPy has it."""
    x, axis = widened(b, call[0]), call.axis(0)
    if dtype_of(x) == "bool":
        x = cast(b, x, "uint8")
    if not sizes_of(x):
        return b.const(np.zeros((), np.int64))
    last = bool(call.integer("select_last_index", 0))
    found = place_along(b, x, axis, largest=call.op == "ArgMax", last=last)
    return reshaped(b, found, call.result_shape())


def place_along(b: Builder, x: Expr, axis: int, *, largest: bool, last: bool = False) -> Expr:
    """Give the first or last place along an axis where the largest or smallest stands, int64; the axis has size 1."""
    best, shape = extreme(b, x, [axis], largest), sizes_of(x)
    join = te().max if last else te().min

    def compute(tensor: Any, top: Any) -> Any:
        over = te().reduce_axis((whole(0), whole(shape[axis])), name="over")

        def one(*place: Any) -> Element:
            value = tensor(*(over.var if at == axis else index for at, index in enumerate(place)))
            return join(either(alike(value, top(*place)), over.var, whole(0 if last else shape[axis] - 1)), axis=[over])

        return te().compute(extents([1 if at == axis else size for at, size in enumerate(shape)]), one, name="place")

    return b.te(compute, x, best)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_REDUCTIONS, reduction),
    "ArgMax": place_of_extreme,
    "ArgMin": place_of_extreme,
}
