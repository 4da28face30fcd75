"""Operators that only move data or say how it lies."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import shape_of
from .lowering import Lowering


def lower_reshape(call: Call, b: Builder) -> ir.Value:
    """0 copies a size (unless `allowzero`), -1 takes what is left."""
    shape = shape_of(call[0])
    wanted = [int(size) for size in call.constant(1, "new shape").ravel()]
    if not call.integer("allowzero", 0):
        wanted = [shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    if -1 in wanted:
        rest = math.prod(size for size in wanted if size != -1)
        wanted[wanted.index(-1)] = math.prod(shape) // max(rest, 1)
    return b.reshape(call[0], wanted)


def lower_flatten(call: Call, b: Builder) -> ir.Value:
    """Two axes: all before `axis`, and the rest."""
    shape = shape_of(call[0])
    axis = call.integer("axis", 1)
    axis += len(shape) if axis < 0 else 0
    return b.reshape(call[0], (math.prod(shape[:axis]), math.prod(shape[axis:])))


def lower_transpose(call: Call, b: Builder) -> ir.Value:
    """Permute axes; no permutation given reverses them."""
    return b.transpose(call[0], call.ints("perm") or list(reversed(range(call.rank()))))


def lower_identity(call: Call, b: Builder) -> ir.Value:  # noqa: ARG001 - the shape of every lowering
    """Nothing to do."""
    return call[0]


def lower_shape(call: Call, b: Builder) -> ir.Value:
    """Every shape is known: a constant."""
    shape = shape_of(call[0])
    start, end = call.integer("start", 0), call.integer("end", len(shape))
    return b.value(np.array(shape[slice(start, end)], np.int64))


LOWERINGS: dict[str, Lowering] = {
    "Flatten": lower_flatten,
    "Identity": lower_identity,
    "Reshape": lower_reshape,
    "Shape": lower_shape,
    "Transpose": lower_transpose,
}
