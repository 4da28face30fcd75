"""Operators that only say how the data lies."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, dtype_of, shape_of
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
    if math.prod(wanted) != math.prod(shape):
        raise Refused(f"{shape} cannot be reshaped to {tuple(wanted)}")
    return b.reshape(call[0], wanted)


def lower_flatten(call: Call, b: Builder) -> ir.Value:
    """Make two axes: all before `axis`, and the rest."""
    shape = shape_of(call[0])
    axis = call.integer("axis", 1)
    axis += len(shape) if axis < 0 else 0
    return b.reshape(call[0], (math.prod(shape[:axis]), math.prod(shape[axis:])))


def lower_squeeze(call: Call, b: Builder) -> ir.Value:
    """Drop axes of size 1; none given means all of them."""
    shape = shape_of(call[0])
    axes = call.constant_ints(1, "list of axes") if call.opset >= 13 else call.ints("axes")
    if axes is None:
        axes = [axis for axis, size in enumerate(shape) if size == 1]
    dropped = {axis % len(shape) for axis in axes}
    return b.reshape(call[0], [size for axis, size in enumerate(shape) if axis not in dropped])


def lower_unsqueeze(call: Call, b: Builder) -> ir.Value:
    """Put in axes of size 1, counted in the result."""
    axes = (call.constant_ints(1, "list of axes") if call.opset >= 13 else call.ints("axes")) or []
    rank = call.rank() + len(axes)
    added = {axis % rank for axis in axes}
    sizes = iter(shape_of(call[0]))
    return b.reshape(call[0], [1 if axis in added else next(sizes) for axis in range(rank)])


def lower_transpose(call: Call, b: Builder) -> ir.Value:
    """Permute axes; no permutation given reverses them."""
    return b.transpose(call[0], call.ints("perm") or list(reversed(range(call.rank()))))


def lower_identity(call: Call, b: Builder) -> ir.Value:  # noqa: ARG001 - every lowering takes a builder
    """Do nothing."""
    return call[0]


def lower_dropout(call: Call, b: Builder) -> list[ir.Value | None]:
    """Do nothing, as at inference or with a ratio of 0; the mask is all true."""
    keeps_all = call.has(1) and constant_of(call[1]) is not None and not np.any(call.constant(1, "ratio"))
    if call.has(2) and not keeps_all and np.any(call.constant(2, "training mode")):
        raise Refused("it draws random numbers, being in training mode")
    mask = b.value(np.ones(shape_of(call[0]), np.bool_)) if call.wants(1) else None
    return [call[0], mask]


def lower_shape(call: Call, b: Builder) -> ir.Value:
    """Every shape is known: give a constant."""
    shape = shape_of(call[0])
    start, end = call.integer("start", 0), call.integer("end", len(shape))
    return b.value(np.array(shape[slice(start, end)], np.int64))


def lower_size(call: Call, b: Builder) -> ir.Value:
    """Every shape is known: give a constant."""
    return b.value(np.array(math.prod(shape_of(call[0])), np.int64))


def lower_expand(call: Call, b: Builder) -> ir.Value:
    """Broadcast to a shape, both ways as NumPy does."""
    x = call[0]
    wanted = tuple(call.constant_ints(1, "shape") or ())
    try:
        shape = np.broadcast_shapes(shape_of(x), wanted)
    except ValueError as error:
        raise Refused(f"{shape_of(x)} cannot be expanded to {wanted}") from error
    if shape == shape_of(x):
        return x
    if math.prod(shape) == math.prod(shape_of(x)):
        return b.reshape(x, shape)
    return b.op("BROADCAST_TO", [x, np.array(shape, np.int32)], shape, dtype_of(x))


def lower_tile(call: Call, b: Builder) -> ir.Value:
    """Repeat along every axis."""
    x, repeats = call[0], call.constant_ints(1, "list of repeats") or []
    shape = [size * count for size, count in zip(shape_of(x), repeats, strict=True)]
    if tuple(shape) == shape_of(x):
        return x
    return b.op("TILE", [x, np.array(repeats, np.int32)], shape, dtype_of(x))


def lower_eye_like(call: Call, b: Builder) -> ir.Value:
    """Give ones on a diagonal: a constant, since only the shape counts."""
    rows, columns = shape_of(call[0])
    dtype = ir.DataType(call.integer("dtype", int(dtype_of(call[0]))))
    return b.value(np.eye(rows, columns, k=call.integer("k", 0), dtype=dtype.numpy()))


LOWERINGS: dict[str, Lowering] = {
    "Dropout": lower_dropout,
    "Expand": lower_expand,
    "EyeLike": lower_eye_like,
    "Flatten": lower_flatten,
    "Identity": lower_identity,
    "Reshape": lower_reshape,
    "Shape": lower_shape,
    "Size": lower_size,
    "Squeeze": lower_squeeze,
    "Tile": lower_tile,
    "Transpose": lower_transpose,
    "Unsqueeze": lower_unsqueeze,
}
