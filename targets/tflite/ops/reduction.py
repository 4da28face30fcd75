"""Reductions, and what normalises along an axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Operand
from ..call import Call
from ..dialect import dtype_name, dtype_of, is_constant, shape_of
from .chosen import by_axis
from .detour import NARROW, way
from .lowering import Lowering

REDUCE = {
    "ReduceMax": "REDUCE_MAX",
    "ReduceMean": "MEAN",
    "ReduceMin": "REDUCE_MIN",
    "ReduceProd": "REDUCE_PROD",
    "ReduceSum": "SUM",
}
"""ONNX operator → TFLite operator of the same meaning."""

_OF_BOOL = {"ReduceMax": "REDUCE_ANY", "ReduceMin": "REDUCE_ALL"}

_ARG = {"ArgMax": "ARG_MAX", "ArgMin": "ARG_MIN"}


def reduced_axes(call: Call) -> list[int]:
    """Read the axes to reduce, an input since opset 18 (ReduceSum: 13) and an attribute before; none means all."""
    axes = call.constant_ints(1, "list of axes") if call.has(1) else call.ints("axes")
    if not axes:
        return [] if call.integer("noop_with_empty_axes", 0) else list(range(call.rank()))
    return [axis % call.rank() for axis in axes]


def _keeps(call: Call) -> bool:
    return bool(call.integer("keepdims", 1))


def reduce(b: Builder, operator: str, x: ir.Value, axes: list[int], *, keep: bool) -> ir.Value:
    """Reduce over axes; over none, or over axes of size 1 alone, nothing is left to compute."""
    shape = shape_of(x)
    if any(shape[axis] == 0 for axis in axes):
        raise Refused("it reduces over an empty axis")
    if all(shape[axis] == 1 for axis in axes):
        return x if keep else b.reshape(x, [size for axis, size in enumerate(shape) if axis not in axes])
    return b.reduce(operator, x, axes, keep=keep)


def _reduced(call: Call, b: Builder, operator: str, x: ir.Value) -> ir.Value:
    """Reduce over the axes of a node; the kernels take them at run time too, where the model declares the result."""
    shape = call.declared()
    if not call.has(1) or is_constant(call[1]) or shape is None:
        return reduce(b, operator, x, reduced_axes(call), keep=_keeps(call))
    return b.op(operator, [x, b.cast(call[1], ir.DataType.INT32)], shape, dtype_of(x), keep_dims=_keeps(call))


def lower_reduce(call: Call, b: Builder) -> ir.Value:
    """Reduce by an operator that TFLite has under a name of its own."""
    is_bool = dtype_of(call[0]) == ir.DataType.BOOL
    operator = (_OF_BOOL if is_bool else REDUCE).get(call.op, REDUCE[call.op])
    return _reduced(call, b, operator, call[0])


def lower_reduce_composed(call: Call, b: Builder) -> ir.Value:
    """Sum what was done to every element, and do something to the sum."""
    before, after = _COMPOSED[call.op]
    x = call[0] if before is None else before(b, call[0])
    y = _reduced(call, b, "SUM", x)
    return y if after is None else b.unary(after, y)


def _square(b: Builder, x: ir.Value) -> ir.Value:
    return b.binary("MUL", x, x)


_COMPOSED: dict[str, tuple[Callable[[Builder, ir.Value], ir.Value] | None, str | None]] = {
    "ReduceL1": (lambda b, x: b.unary("ABS", x), None),
    "ReduceL2": (_square, "SQRT"),
    "ReduceLogSum": (None, "LOG"),
    "ReduceSumSquare": (_square, None),
}


def lower_reduce_log_sum_exp(call: Call, b: Builder) -> ir.Value:
    """Give log Σ exp(x), the largest taken out first so that nothing overflows."""
    axes, keep = reduced_axes(call), _keeps(call)
    peak = reduce(b, "REDUCE_MAX", call[0], axes, keep=True)
    total = reduce(b, "SUM", b.unary("EXP", b.binary("SUB", call[0], peak)), axes, keep=True)
    result = b.binary("ADD", b.unary("LOG", total), peak)
    shape = [size for axis, size in enumerate(shape_of(call[0])) if axis not in axes]
    return result if keep else b.reshape(result, shape)


def lower_softmax(call: Call, b: Builder) -> ir.Value:
    """SOFTMAX and LOG_SOFTMAX run along the last axis: another axis is moved there and back."""
    if call.opset < 13:
        raise Refused("before opset 13 it flattens its input; convert the model to a newer opset")
    if call.op == "Softmax":
        return along_last(call[0], call.axis(-1), b, lambda x: b.unary("SOFTMAX", x, beta=1.0))
    return along_last(call[0], call.axis(-1), b, lambda x: b.unary("LOG_SOFTMAX", x))


def along_last(x: ir.Value, axis: int, b: Builder, work: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """Apply `work` along an axis as if it were the last."""
    rank = len(shape_of(x))
    if axis == rank - 1:
        return work(x)
    there = [*(place for place in range(rank) if place != axis), axis]
    back = sorted(range(rank), key=there.__getitem__)
    return b.transpose(work(b.transpose(x, there)), back)


def lower_arg(call: Call, b: Builder) -> ir.Value:
    """Give the place of the largest or smallest element, the first of equals."""
    x, axis = call[0], call.axis(0)
    size = shape_of(x)[axis]
    if call.integer("select_last_index", 0):
        if dtype_of(x) not in (ir.DataType.FLOAT, ir.DataType.INT32):
            raise Refused(f"the last of equals, for {dtype_name(dtype_of(x))}")
        x = b.op("REVERSE_V2", [x, np.array([axis], np.int32)], shape_of(x), dtype_of(x))
    shape = [1 if place == axis else length for place, length in enumerate(shape_of(x))]
    left = [length for place, length in enumerate(shape) if place != axis]
    where = np.array(axis, np.int32)
    place = b.op(_ARG[call.op], [x, where], left, ir.DataType.INT64, output_type="INT64")
    if call.integer("select_last_index", 0):
        place = b.binary("SUB", b.full(size - 1, place), place)
    return b.reshape(place, shape) if _keeps(call) else place


def lower_hardmax(call: Call, b: Builder) -> ir.Value:
    """Give 1 at the first largest element along an axis, 0 elsewhere."""

    def work(x: ir.Value) -> ir.Value:
        *lead, size = shape_of(x)
        place = b.op("ARG_MAX", [x, np.array(len(lead), np.int32)], lead, ir.DataType.INT32, output_type="INT32")
        operands: list[Operand] = [place, np.array(size, np.int32), b.full(1, x), b.full(0, x)]
        return b.op("ONE_HOT", operands, shape_of(x), dtype_of(x), axis=-1)

    return along_last(call[0], call.axis(-1), b, work)


def lower_cum_sum(call: Call, b: Builder) -> ir.Value:
    """Sum up along an axis, without the element itself (`exclusive`) or from the end (`reverse`)."""
    axis = b.reshape(b.cast(call[1], ir.DataType.INT32), ())
    flags = {name: bool(call.integer(name, 0)) for name in ("exclusive", "reverse")}
    return b.op("CUMSUM", [call[0], axis], shape_of(call[0]), dtype_of(call[0]), **flags)


def lower_cum_prod(call: Call, b: Builder) -> ir.Value:
    """Multiply up along an axis by doubling: after n rounds every element holds the product of up to 2ⁿ."""
    x = call[0]
    return by_axis(call, b, 1, call.rank(), lambda axis: _cumulated(call, b, x, axis))


def _cumulated(call: Call, b: Builder, x: ir.Value, axis: int) -> ir.Value:
    size, back = shape_of(x)[axis], bool(call.integer("reverse", 0))
    if call.integer("exclusive", 0):
        x = _moved(b, x, axis, 1, back)
    step = 1
    while step < size:
        x = b.binary("MUL", x, _moved(b, x, axis, step, back))
        step *= 2
    return x


def _moved(b: Builder, x: ir.Value, axis: int, step: int, back: bool) -> ir.Value:
    """Shift along an axis, ones moving in."""
    shape = shape_of(x)
    starts, stops = [0] * len(shape), list(shape)
    starts[axis], stops[axis] = (step, shape[axis]) if back else (0, shape[axis] - step)
    kept = b.slice(x, starts, stops)
    ones = b.value(b.full(1, x, [step if place == axis else size for place, size in enumerate(shape)]))
    return b.concat([kept, ones] if back else [ones, kept], axis)


def lower_top_k(call: Call, b: Builder) -> list[ir.Value | None]:
    """Give the largest (or smallest) k along an axis, sorted, with their places."""
    axis, rank = call.axis(-1), call.rank()
    count = int(call.constant(1, "number k").item())
    turned = not call.integer("largest", 1)
    there, back = way("SUB" if turned and dtype_of(call[0]) in NARROW else "TOPK_V2", dtype_of(call[0]))
    x = there(b, call[0])
    first = [*(place for place in range(rank) if place != axis), axis]
    again = sorted(range(rank), key=first.__getitem__)
    x = b.transpose(_turned_over(b, x) if turned else x, first)
    shape = (*shape_of(x)[:-1], count)
    results = [(shape, dtype_of(x)), (shape, ir.DataType.INT32)]
    values, places = b.node("TOPK_V2", [x, np.array(count, np.int32)], results)
    values = b.transpose(_turned_over(b, values) if turned else values, again)
    wanted = b.cast(b.transpose(places, again), ir.DataType.INT64) if call.wants(1) else None
    return [back(b, values), wanted]


def _turned_over(b: Builder, x: ir.Value) -> ir.Value:
    """Turn the order over; what does so to all integers of a width is −1 − x."""
    return b.unary("NEG", x) if dtype_of(x) == ir.DataType.FLOAT else b.binary("SUB", b.full(-1, x), x)


def lower_lp_normalization(call: Call, b: Builder) -> ir.Value:
    """Divide by the L1 or L2 norm along an axis; where the norm is 0, ONNX leaves 0."""
    x, axes = call[0], [call.axis(-1)]
    parts = b.unary("ABS", x) if call.integer("p", 2) == 1 else _square(b, x)
    norm = reduce(b, "SUM", parts, axes, keep=True)
    norm = norm if call.integer("p", 2) == 1 else b.unary("SQRT", norm)
    # The smallest normal number: where the norm is 0 every x is 0, and 0 divided by it is 0.
    return b.binary("DIV", x, b.binary("MAXIMUM", norm, b.full(float(np.finfo(np.float32).tiny), x)))


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(REDUCE, lower_reduce),
    **dict.fromkeys(_COMPOSED, lower_reduce_composed),
    **dict.fromkeys(_ARG, lower_arg),
    "CumProd": lower_cum_prod,
    "CumSum": lower_cum_sum,
    "Hardmax": lower_hardmax,
    "LogSoftmax": lower_softmax,
    "LpNormalization": lower_lp_normalization,
    "ReduceLogSumExp": lower_reduce_log_sum_exp,
    "Softmax": lower_softmax,
    "TopK": lower_top_k,
}
