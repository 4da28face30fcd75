"""Cutting, joining, repeating and turning over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Operand
from ..call import Call
from ..graph import DType, Tensor
from .fused import activated, activation_of
from .lowering import Lowering


def concat(call: Call, b: Builder) -> Tensor:
    """Join along an axis."""
    axis = call.integer("axis", 0) % len(call.shape())
    return activated(b, b.concat([call[index] for index in range(len(call))], axis), activation_of(call))


def pack(call: Call, b: Builder) -> Tensor:
    """Join along a new axis."""
    values = [call[index] for index in range(len(call))]
    axis = call.integer("axis", 0) % len(call.result_shape())
    laid = [b.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:])) for x in values]
    return b.concat(laid, axis)


def unpack(call: Call, b: Builder) -> Sequence[Tensor]:
    """Cut into slices without the axis."""
    x, axis = call[0], call.integer("axis", 0) % len(call.shape())
    left = (*x.shape[:axis], *x.shape[axis + 1 :])
    return b.ops("Unpack", [x], [(left, x.dtype)] * x.shape[axis], T=x.dtype, axis=axis, num=x.shape[axis])


def split(call: Call, b: Builder) -> Sequence[Tensor]:
    """Cut into equal pieces."""
    x, count = call[1], len(call.node.outputs)
    axis = np.array(int(call.constant(0, "axis").item()) % x.rank, np.int32)
    results = [(call.result_shape(index), x.dtype) for index in range(count)]
    return b.ops("Split", [axis, x], results, T=x.dtype, num_split=count)


def split_v(call: Call, b: Builder) -> Sequence[Tensor]:
    """Cut into pieces of given sizes."""
    x, count = call[0], len(call.node.outputs)
    axis = int(call.constant(2, "axis").item()) % x.rank
    results = [(call.result_shape(index), x.dtype) for index in range(count)]
    sizes = np.array([shape[axis] for shape, _ in results], np.int32)
    operands: list[Operand] = [x, sizes, np.array(axis, np.int32)]
    return b.ops("SplitV", operands, results, T=x.dtype, Tlen=DType.INT, num_split=count)


def strided_slice(call: Call, b: Builder) -> Tensor:
    """Cut with steps. Steps over integers are picked: the wasm kernel says that whatever comes out is float32."""
    x, shape = call[0], call.result_shape()
    if not all(call.is_constant(index) for index in (1, 2, 3)):
        return _slice_at_run_time(call, b)
    starts, steps = call.constant_ints(1, "begins"), call.constant_ints(3, "steps")
    if any(step < 1 for step in steps):
        raise Refused("steps backwards")
    sizes = [(count - 1) * step + 1 for count, step in zip(shape, steps, strict=True)]
    if x.dtype is DType.FLOAT and sizes != [*shape]:
        stops = np.array([start + size for start, size in zip(starts, sizes, strict=True)], np.int32)
        operands: list[Operand] = [x, np.array(starts, np.int32), stops, np.array(steps, np.int32)]
        return b.op("StridedSlice", operands, shape, x.dtype, T=x.dtype, Index=DType.INT)
    cut = b.slice(x, starts, sizes)
    for axis, (count, step) in enumerate(zip(shape, steps, strict=True)):
        if cut.shape[axis] != count:
            cut = b.gather(cut, np.arange(count, dtype=np.int32) * step, axis)
    return cut


def _slice_at_run_time(call: Call, b: Builder) -> Tensor:
    x = call[0]
    operands = [x, *(call[index] for index in (1, 2, 3))]
    return b.op("StridedSlice", operands, call.result_shape(), x.dtype, T=x.dtype, Index=DType.INT)


def tile(call: Call, b: Builder) -> Tensor:
    """Repeat along every axis."""
    x, counts = call[0], np.asarray(call.constant(1, "list of repeats"), np.int32)
    return b.op("Tile", [x, counts], call.result_shape(), x.dtype, T=x.dtype, Tmultiples=DType.INT)


def broadcast(call: Call, b: Builder) -> Tensor:
    """Repeat along axes of size 1 and new ones."""
    return b.broadcast(call[0], call.result_shape())


def reverse(call: Call, b: Builder) -> Tensor:
    """Turn axes over; bool by way of int32."""
    x = call[0]
    axes = np.asarray(call.constant(1, "list of axes"), np.int32)
    held = b.cast(x, DType.INT) if x.dtype is DType.BOOL else x
    turned = b.op("ReverseV2", [held, axes], x.shape, held.dtype, T=held.dtype, Tidx=DType.INT)
    return b.cast(turned, x.dtype)


LOWERINGS: dict[str, Lowering] = {
    "BROADCAST_TO": broadcast,
    "CONCATENATION": concat,
    "PACK": pack,
    "REVERSE_V2": reverse,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "STRIDED_SLICE": strided_slice,
    "TILE": tile,
    "UNPACK": unpack,
}
