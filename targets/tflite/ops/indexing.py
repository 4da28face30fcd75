"""Operators that pick and place by index."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.indices import counted_from_the_front
from ..builder import Builder
from ..call import Call
from ..dialect import Array, constant_of, dtype_of, shape_of
from .detour import through
from .lowering import Lowering


def lower_gather(call: Call, b: Builder) -> ir.Value:
    """Pick along an axis. One constant index, or a regular run of them, is a slice."""
    x, axis = call[0], call.axis(0)
    size, indices = shape_of(x)[axis], constant_of(call[1])
    if indices is None:
        return b.gather(x, from_the_front(b, call[1], np.array(size, dtype_of(call[1]).numpy())), axis)
    indices = counted_from_the_front(indices, [size]).astype(np.int32)
    run = _regular(indices.ravel())
    if run is None or constant_of(x) is not None:
        return b.gather(x, indices, axis)
    shape = shape_of(x)
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], stops[axis], steps[axis] = run
    cut = b.slice(x, starts, stops, steps)
    return b.reshape(cut, (*shape[:axis], *indices.shape, *shape[axis + 1 :]))


def _regular(indices: Array) -> tuple[int, int, int] | None:
    """Give start, stop and step of evenly rising indices."""
    steps = {int(after) - int(before) for before, after in pairwise(indices)}
    if not len(indices) or len(steps) > 1 or min(steps, default=1) < 1:
        return None
    return int(indices[0]), int(indices[-1]) + 1, min(steps, default=1)


def from_the_front(b: Builder, indices: ir.Value, sizes: Array) -> ir.Value:
    """Count negative indices from the end of axes of these sizes, as no kernel does."""
    array = constant_of(indices)
    if array is not None:
        return b.value(np.where(array < 0, array + sizes, array).astype(array.dtype))
    below = b.binary("LESS", indices, b.full(0, indices), ir.DataType.BOOL)
    moved = b.binary("ADD", indices, sizes)
    return b.op("SELECT_V2", [below, moved, indices], shape_of(indices), dtype_of(indices))


def lower_gather_nd(call: Call, b: Builder) -> ir.Value:
    """Pick slices by tuples of indices."""
    x, indices = call[0], call[1]
    shared, kind = call.integer("batch_dims", 0), dtype_of(indices).numpy()
    depth = shared + shape_of(indices)[-1]
    indices = from_the_front(b, indices, np.array(shape_of(x)[shared:depth], kind))
    if shared:
        lead = shape_of(indices)[:-1]
        batches = np.moveaxis(np.indices(lead)[:shared], 0, -1)
        indices = b.concat([b.value(np.ascontiguousarray(batches.astype(kind))), indices], len(lead))
    shape = (*shape_of(indices)[:-1], *shape_of(x)[depth:])
    return b.op("GATHER_ND", [x, indices], shape, dtype_of(x))


def lower_one_hot(call: Call, b: Builder) -> ir.Value:
    """Give one value at each index along a new axis, another elsewhere, also where an index is out of range."""
    indices, depth = call[0], int(call.constant(1, "depth").item())
    off, on = (b.reshape(b.slice(call[2], [place], [place + 1]), ()) for place in (0, 1))
    if dtype_of(indices) not in (ir.DataType.INT32, ir.DataType.INT64):
        indices = b.cast(indices, ir.DataType.INT32)
    indices = from_the_front(b, indices, np.array(depth, dtype_of(indices).numpy()))
    rank = call.rank()
    axis = call.integer("axis", -1)
    axis = axis + rank + 1 if axis < 0 else axis
    shape = (*shape_of(indices)[:axis], depth, *shape_of(indices)[axis:])
    return b.op("ONE_HOT", [indices, np.array(depth, np.int32), on, off], shape, dtype_of(on), axis=axis)


def lower_trilu(call: Call, b: Builder) -> ir.Value:
    """Keep the upper or lower triangle."""
    x = call[0]
    rows, columns = np.indices(shape_of(x)[-2:])
    places = columns - rows
    if call.has(1):
        operator = "GREATER_EQUAL" if call.integer("upper", 1) else "LESS_EQUAL"
        mask = b.compare(operator, places.astype(np.int64), b.reshape(call[1], ()))
    else:
        mask = b.value(places >= 0 if call.integer("upper", 1) else places <= 0)
    return through("SELECT_V2", b, lambda kept: b.select(mask, kept, b.full(0, kept)), x)


LOWERINGS: dict[str, Lowering] = {
    "Gather": lower_gather,
    "GatherND": lower_gather_nd,
    "OneHot": lower_one_hot,
    "Trilu": lower_trilu,
}
