"""Reductions, and the places of extremes."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Operand
from ..call import Call
from ..graph import DType, Tensor
from .integers import wrapped
from .lowering import Lowering

_REDUCE = {
    "MEAN": "Mean",
    "REDUCE_ALL": "All",
    "REDUCE_ANY": "Any",
    "REDUCE_MAX": "Max",
    "REDUCE_MIN": "Min",
    "REDUCE_PROD": "Prod",
    "SUM": "Sum",
}
"""Operator of the dialect → TF.js operator of the same meaning."""

_PLACE = {"ARG_MAX": "ArgMax", "ARG_MIN": "ArgMin"}


def reduce(call: Call, b: Builder) -> Tensor:
    """Reduce over axes; none reduces nothing. Axes that are known at run time alone, the kernels take as well."""
    x, keep = call[0], bool(call.integer("keep_dims", 0))
    if not call.is_constant(1):
        operands: list[Operand] = [x, call[1]]
        shape = call.result_shape()
        result = b.op(_REDUCE[call.op], operands, shape, x.dtype, keep_dims=keep, T=x.dtype, Tidx=DType.INT)
        return wrapped(b, result, call.result_hub_dtype())
    axes = sorted({axis % x.rank for axis in call.constant_ints(1, "list of axes")}) if x.rank else []
    return wrapped(b, b.reduce(_REDUCE[call.op], x, axes, keep=keep), call.result_hub_dtype())


def place(call: Call, b: Builder) -> Tensor:
    """Give the place of the largest or smallest along an axis, the first of equals."""
    x, axis = call[0], int(call.constant(1, "axis").item()) % max(len(call.shape()), 1)
    held = b.cast(x, DType.INT) if x.dtype is DType.BOOL else x
    operands: list[Operand] = [held, np.array(axis, np.int32)]
    shape = call.result_shape()
    return b.op(_PLACE[call.op], operands, shape, DType.INT, T=held.dtype, Tidx=DType.INT, output_type=DType.INT)


def running_sum(call: Call, b: Builder) -> Tensor:
    """Sum up along an axis, without the element itself (`exclusive`) or from the end (`reverse`)."""
    x = call[0]
    if not x.rank:
        raise Refused("a running sum of a scalar")
    axis: Operand = call[1]
    if call.is_constant(1):
        axis = np.array(int(call.constant(1, "axis").item()) % x.rank, np.int32)
    flags = {name: bool(call.integer(name, 0)) for name in ("exclusive", "reverse")}
    result = b.op("Cumsum", [x, axis], x.shape, x.dtype, T=x.dtype, Tidx=DType.INT, **flags)
    return wrapped(b, result, call.result_hub_dtype())


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_REDUCE, reduce),
    **dict.fromkeys(_PLACE, place),
    "CUMSUM": running_sum,
}
