"""Operators that pick and place by index."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import Array, constant_of, dtype_of, shape_of
from ..refused import Refused
from .lowering import Lowering


def lower_gather(call: Call, b: Builder) -> ir.Value:
    """Pick along an axis. One constant index, or a regular run of them, is a slice."""
    x, axis = call[0], call.axis(0)
    size, indices = shape_of(x)[axis], constant_of(call[1])
    if indices is None:
        return b.gather(x, _non_negative(b, call[1], size), axis)
    indices = np.where(indices < 0, indices + size, indices).astype(np.int32)
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


def _non_negative(b: Builder, indices: ir.Value, size: int) -> ir.Value:
    """Count negative indices from the end, which GATHER does not."""
    below = b.binary("LESS", indices, b.full(0, indices), ir.DataType.BOOL)
    moved = b.binary("ADD", indices, b.full(size, indices))
    return b.op("SELECT_V2", [below, moved, indices], shape_of(indices), dtype_of(indices))


def lower_gather_nd(call: Call, b: Builder) -> ir.Value:
    """Pick slices by tuples of indices."""
    x, indices = call[0], call[1]
    if call.integer("batch_dims", 0):
        raise Refused("batch_dims")
    depth = shape_of(indices)[-1]
    sizes = np.array(shape_of(x)[:depth], dtype_of(indices).numpy())
    array = constant_of(indices)
    if array is not None:
        indices = b.value(np.where(array < 0, array + sizes, array).astype(np.int32))
    else:
        below = b.binary("LESS", indices, b.full(0, indices), ir.DataType.BOOL)
        moved = b.binary("ADD", indices, sizes)
        indices = b.op("SELECT_V2", [below, moved, indices], shape_of(indices), dtype_of(indices))
    shape = (*shape_of(indices)[:-1], *shape_of(x)[depth:])
    return b.op("GATHER_ND", [x, indices], shape, dtype_of(x))


LOWERINGS: dict[str, Lowering] = {"Gather": lower_gather, "GatherND": lower_gather_nd}
