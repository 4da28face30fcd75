"""Operators that pick and place element by element or slice by slice, on flattened data."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_of, shape_of
from .indexing import from_the_front
from .lowering import Lowering

_SPREAD_LIMIT = 1 << 22
"""Elements of the table of every row by every update, in which the largest, least or product is found."""

_JOIN = {
    "max": ("REDUCE_MAX", "MAXIMUM"),
    "min": ("REDUCE_MIN", "MINIMUM"),
    "mul": ("REDUCE_PROD", "MUL"),
}
"""Reduction → the operator over all updates of a place, and the one with what was there before."""


def lower_gather_elements(call: Call, b: Builder) -> ir.Value:
    """Pick element by element: a GATHER from the flattened data, by flat places."""
    x = call[0]
    flat = b.reshape(x, (math.prod(shape_of(x)),))
    return b.reshape(b.gather(flat, _flat_places(call, b, shape_of(x)), 0), shape_of(call[1]))


def _flat_places(call: Call, b: Builder, shape: tuple[int, ...]) -> ir.Value:
    """Give the places in the flattened data that indices along one axis mean, flat as well."""
    axis, grid = call.axis(0), np.indices(shape_of(call[1]))
    indices = b.reshape(call[1], (math.prod(shape_of(call[1])),))
    kind = dtype_of(indices).numpy()
    strides = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    others = sum(grid[place] * strides[place] for place in range(len(shape)) if place != axis)
    base = np.broadcast_to(np.asarray(others, kind), shape_of(call[1])).ravel()
    along = from_the_front(b, indices, np.array(shape[axis], kind))
    array = constant_of(along)
    if array is not None:
        return b.value((array * strides[axis] + base).astype(np.int32))
    return b.binary("ADD", b.binary("MUL", along, np.array(strides[axis], kind)), np.ascontiguousarray(base))


def lower_scatter_elements(call: Call, b: Builder) -> ir.Value:
    """Place element by element, on the flattened data."""
    x, updates = call[0], call[2]
    count, size = math.prod(shape_of(updates)), math.prod(shape_of(x))
    flat, parts = b.reshape(x, (size,)), b.reshape(updates, (count,))
    places = b.reshape(b.cast(_flat_places(call, b, shape_of(x)), ir.DataType.INT32), (count, 1))
    return b.reshape(_scattered(call, b, flat, places, parts), shape_of(x))


def lower_scatter_nd(call: Call, b: Builder) -> ir.Value:
    """Place slices by tuples of indices."""
    x, indices = call[0], call[1]
    sizes = np.array(shape_of(x)[: shape_of(indices)[-1]], dtype_of(indices).numpy())
    return _scattered(call, b, x, b.cast(from_the_front(b, indices, sizes), ir.DataType.INT32), call[2])


def _scattered(call: Call, b: Builder, x: ir.Value, indices: ir.Value, updates: ir.Value) -> ir.Value:
    """Write updates over `x`: SCATTER_ND starts from zeros and adds, so it also says where anything was written."""
    reduction = call.text("reduction", "none")
    if reduction in _JOIN:
        return _reduced(b, reduction, x, indices, updates)
    if reduction not in ("none", "add"):
        raise Refused(f"reduction {reduction!r}")
    shape = np.array(shape_of(x), np.int32)
    spread = b.op("SCATTER_ND", [indices, updates, shape], shape_of(x), dtype_of(x))
    if reduction == "add":
        return b.binary("ADD", x, spread)
    array = constant_of(indices)
    if array is not None and len(np.unique(array.reshape(-1, array.shape[-1]), axis=0)) < array[..., 0].size:
        raise Refused("it writes to one place twice")
    ones = np.ones(shape_of(updates), np.int32)
    written = b.op("SCATTER_ND", [indices, ones, shape], shape_of(x), ir.DataType.INT32)
    return b.select(b.compare("GREATER", written, b.full(0, written)), spread, x)


def _reduced(b: Builder, reduction: str, x: ir.Value, indices: ir.Value, updates: ir.Value) -> ir.Value:
    """Lay the updates out by every row of `x`, neutral where they are meant for another, and reduce them."""
    depth, shape = shape_of(indices)[-1], shape_of(x)
    rows, width = math.prod(shape[:depth]), math.prod(shape[depth:])
    count = math.prod(shape_of(indices)[:-1])
    if rows * count * width > _SPREAD_LIMIT:
        raise Refused(f"reduction {reduction!r} of {count} updates over {rows} rows of {width}")
    over, join = _JOIN[reduction]
    strides = np.array([math.prod(shape[axis + 1 : depth]) for axis in range(depth)], np.int32)
    row = b.reduce("SUM", b.binary("MUL", b.reshape(indices, (count, depth)), strides), [1], keep=False)
    meant = b.compare("EQUAL", np.arange(rows, dtype=np.int32)[:, np.newaxis], row)
    table = b.select(
        b.reshape(meant, (rows, count, 1)), b.reshape(updates, (1, count, width)), _neutral(reduction, updates)
    )
    joined = b.reshape(b.reduce(over, table, [1], keep=False), shape)
    return b.binary(join, x, joined)


def _neutral(reduction: str, like: ir.Value) -> np.ndarray:
    dtype = dtype_of(like).numpy()
    if reduction == "mul":
        return np.ones((), dtype)
    sign = -1 if reduction == "max" else 1
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.array(limits.min if sign < 0 else limits.max, dtype)
    return np.array(sign * np.inf, dtype)


def lower_tensor_scatter(call: Call, b: Builder) -> ir.Value:
    """Write a run of slices into a cache, from a place on that is known at run time for each sample.

    For every place of the cache it is reckoned which slice of the update, if any, belongs there.
    """
    cache, update = call[0], call[1]
    axis = call.integer("axis", -2) % call.rank()
    batch, length, run = shape_of(cache)[0], shape_of(cache)[axis], shape_of(update)[axis]
    start = b.cast(call[2], ir.DataType.INT32) if call.has(2) else b.value(np.zeros(batch, np.int32))
    places = np.arange(length, dtype=np.int32)
    own = b.binary("SUB", places, b.reshape(start, (batch, 1)))
    if call.text("mode", "linear") == "circular":
        own = b.binary("FLOOR_MOD", own, np.array(length, np.int32))
    taken = b.binary(
        "LOGICAL_AND",
        b.compare("GREATER_EQUAL", own, b.full(0, own)),
        b.compare("LESS", own, np.array(run, np.int32)),
    )
    nearest = b.binary("MINIMUM", b.binary("MAXIMUM", own, b.full(0, own)), np.array(run - 1, np.int32))
    order = [0, axis, *(place for place in range(1, call.rank()) if place != axis)]
    back = sorted(range(call.rank()), key=order.__getitem__)
    source = b.transpose(update, order)
    rest = shape_of(source)[2:]
    rows = b.reshape(source, (batch * run, *rest))
    flat = b.binary("ADD", nearest, (np.arange(batch, dtype=np.int32) * run)[:, np.newaxis])
    moved = b.transpose(b.gather(rows, flat, 0), back)
    shape = [batch if place == 0 else length if place == axis else 1 for place in range(call.rank())]
    return b.select(b.reshape(taken, shape), moved, cache)


LOWERINGS: dict[str, Lowering] = {
    "GatherElements": lower_gather_elements,
    "Scatter": lower_scatter_elements,
    "ScatterElements": lower_scatter_elements,
    "ScatterND": lower_scatter_nd,
    "TensorScatter": lower_tensor_scatter,
}
