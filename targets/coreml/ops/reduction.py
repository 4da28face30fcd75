"""Reductions over axes, and the places of the largest and the smallest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call, fixed
from .dtypes import FLOATS, UNSIGNED, name_of
from .integers import quotient
from .lowering import Lowering


def _itself(b: Builder, x: Var) -> Var:  # noqa: ARG001 - the form of all of them
    return x


def _size(b: Builder, x: Var) -> Var:
    return b.op("abs", x)


@dataclass(frozen=True, slots=True)
class _Reduction:
    """The MIL operation of a reduction, what it does to a single element, and whether it is of integers too."""

    operation: str
    alone: Callable[[Builder, Var], Var] = _itself
    of_integers: bool = True


_REDUCTIONS = {
    "ReduceL1": _Reduction("reduce_l1_norm", _size),
    "ReduceL2": _Reduction("reduce_l2_norm", _size, of_integers=False),
    "ReduceLogSum": _Reduction("reduce_log_sum", lambda b, x: b.op("log", x, epsilon=0.0), of_integers=False),
    "ReduceLogSumExp": _Reduction("reduce_log_sum_exp", of_integers=False),
    "ReduceMax": _Reduction("reduce_max"),
    "ReduceMean": _Reduction("reduce_mean", of_integers=False),
    "ReduceMin": _Reduction("reduce_min"),
    "ReduceProd": _Reduction("reduce_prod"),
    "ReduceSum": _Reduction("reduce_sum"),
    "ReduceSumSquare": _Reduction("reduce_sum_square", lambda b, x: b.op("square", x)),
}
"""ONNX operator → its reduction."""


def reduce(call: Call, b: Builder) -> Var:
    """Reduce over axes. Booleans go by way of int32; over no axes at all each element stands alone."""
    x, dtype, axes = call[0], call.dtype(), _axes(call)
    reduction = _REDUCTIONS[call.op]
    if not axes:
        return reduction.alone(b, x)
    if dtype == ir.DataType.BOOL:
        return b.op("not_equal", _reduced(call, b, reduction.operation, b.cast(x, "int32"), axes), 0)
    if dtype not in FLOATS and call.op == "ReduceMean":
        total = _reduced(call, b, "reduce_sum", x, axes)
        return quotient(b, total, int(np.prod(fixed([call.sizes()[axis] for axis in axes]))), dtype in UNSIGNED)
    if dtype not in FLOATS and not reduction.of_integers:
        raise Refused(f"{call.op} of {name_of(dtype)} is rounded before it is cut to an integer")
    return _reduced(call, b, reduction.operation, x, axes)


def _reduced(call: Call, b: Builder, operation: str, x: Var, axes: list[int]) -> Var:
    return b.op(operation, x, axes=axes, keep_dims=bool(call.integer("keepdims", 1)))


def _axes(call: Call) -> list[int]:
    """Give the axes, counted from the front; all when none are named, unless that means none."""
    given = call.constant_ints(1, "axes") if len(call.inputs) > 1 else call.ints("axes")
    if not given and call.integer("noop_with_empty_axes", 0):
        return []
    rank = call.rank()
    return sorted({axis % rank for axis in given}) if given and rank else [*range(rank)]


def place_of_extreme(call: Call, b: Builder) -> Var:
    """ArgMax and ArgMin: of several, MIL's own may name any; ONNX wants the first or the last."""
    x, axis = call[0], call.axis(0)
    kind = "reduce_max" if call.op == "ArgMax" else "reduce_min"
    found = _place(b, x, axis, kind, last=bool(call.integer("select_last_index", 0)))
    return found if call.integer("keepdims", 1) else b.op("squeeze", found, axes=[axis])


def first_of_largest(b: Builder, x: Var, axis: int) -> Var:
    """Give the place int32[…, 1, …] of the largest along an axis, the first of several."""
    return _place(b, x, axis, "reduce_max", last=False)


def _place(b: Builder, x: Var, axis: int, kind: str, last: bool) -> Var:
    """Give the least or greatest of the places where the extreme is; with NaN among them, one that exists."""
    there = b.op("equal", x, b.op(kind, x, axes=[axis], keep_dims=True))
    along = places(b, x, axis)
    kept = b.op("mul", b.cast(there, "int32"), along)
    beside = 0 if last else b.op("reduce_max", along, axes=[axis], keep_dims=True)
    return b.op(
        "reduce_max" if last else "reduce_min", b.op("select", there, kept, beside), axes=[axis], keep_dims=True
    )


def places(b: Builder, x: Var, axis: int) -> Var:
    """Give 0, 1, 2 … along an axis of `x`: int32[1, N, 1, …]; int32 of its shape where N is known only at run time."""
    size = x.shape[axis]
    if isinstance(size, int | np.integer):
        return b.const(np.arange(size, dtype=np.int32).reshape([-1 if at == axis else 1 for at in range(len(x.shape))]))
    nothing = b.op("mul", b.cast(b.op("equal", x, x), "int32"), 0)
    return b.op("cumsum", b.op("add", nothing, 1), axis=axis, exclusive=True)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_REDUCTIONS, reduce),
    "ArgMax": place_of_extreme,
    "ArgMin": place_of_extreme,
}
