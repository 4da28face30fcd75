"""Picking and placing by index."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Operand, zeros
from ..call import Call
from ..graph import DType, Tensor
from .lowering import Lowering

_PLACES = "its indices reach beyond the data, which kernels of TF.js do not look for"


def gather(call: Call, b: Builder) -> Tensor:
    """Pick slices along an axis."""
    axis = call.integer("axis", 0) % max(len(call.shape()), 1)
    if call.integer("batch_dims", 0):
        raise Refused("its batch dimensions")
    _check(call, np.array(call.shape()[axis]))
    return b.gather(call[0], call[1], axis)


def gather_nd(call: Call, b: Builder) -> Tensor:
    """Pick slices by tuples of indices."""
    x, indices = call[0], call[1]
    _check(call, np.array(x.shape[: indices.shape[-1]]))
    return b.op("GatherNd", [x, indices], call.result_shape(), x.dtype, Tparams=x.dtype, Tindices=DType.INT)


def _check(call: Call, sizes: np.ndarray) -> None:
    if call.is_constant(1):
        indices = call.constant(1, "indices")
        if (indices < 0).any() or (indices >= sizes).any():
            raise Refused(_PLACES)


def scatter_nd(call: Call, b: Builder) -> Tensor:
    """Place slices by tuples of indices over zeros; what meets is added up, of bool it is true."""
    indices, updates, shape = call[0], call[1], call.result_shape()
    if call.is_constant(0):
        places = call.constant(0, "indices")
        if (places < 0).any() or (places >= np.array(shape[: places.shape[-1]])).any():
            raise Refused(_PLACES)
    operands: list[Operand] = [indices, updates, np.array(shape, np.int32)]
    return b.op("ScatterNd", operands, shape, updates.dtype, T=updates.dtype, Tindices=DType.INT)


def one_hot(call: Call, b: Builder) -> Tensor:
    """Give one value at each index along a new axis, another elsewhere; an index beyond the axis is nowhere on it.

    The kernel of OneHot on wasm copies the bits of int32 values alone, so it is given 1 and 0. To compare places
    instead takes 100 times as long there.
    """
    indices, shape = call[0], call.result_shape()
    depth = int(call.constant(1, "depth").item())
    axis = call.integer("axis", -1) % len(shape)
    hot = b.op("OneHot", [indices, depth, 1, 0], (*indices.shape, depth), DType.INT, axis=-1, T=DType.INT)
    hot = b.transpose(hot, [*range(axis), len(shape) - 1, *range(axis, len(shape) - 1)])
    on, off = (call.constant(place, "value") if call.is_constant(place) else None for place in (2, 3))
    if on is not None and off is not None and (on.item(), off.item()) == (1, 0):
        return b.cast(hot, call.result_dtype())
    return b.select(b.cast(hot, DType.BOOL), call.reshaped(2, ()), call.reshaped(3, ()))


def where(call: Call, b: Builder) -> Tensor:
    """Give the places of what is true, a row each; how many there are is known when it runs."""
    return b.op("Where", [call[0]], call.result_shape(), DType.INT, T=DType.BOOL)


def reverse_sequence(call: Call, b: Builder) -> Tensor:
    """Reverse the first elements of every sequence: pick rows of the batch laid out in one."""
    x, lengths = call[0], call[1]
    along, batch = call.integer("seq_dim", 0), call.integer("batch_dim", 0)
    rest = [axis for axis in range(x.rank) if axis not in (along, batch)]
    order = [batch, along, *rest]
    count, size = x.shape[batch], x.shape[along]
    moved = b.transpose(x, order)
    rows = b.reshape(moved, (count * size, *moved.shape[2:]))
    places, ends = np.arange(size, dtype=np.int32), b.reshape(lengths, (count, 1))
    turned = b.binary("Sub", b.binary("Sub", ends, 1), places)
    own = b.select(b.compare("Less", places, ends), turned, places)
    flat = b.binary("AddV2", own, (np.arange(count, dtype=np.int32) * size)[:, np.newaxis])
    back = sorted(range(x.rank), key=order.__getitem__)
    return b.transpose(b.gather(rows, flat, 0), back)


def filled(call: Call, b: Builder) -> Tensor:
    """Repeat one number in a shape."""
    if 0 in call.result_shape():
        return b.hold(zeros(call.result_dtype(), call.result_shape()))
    return b.broadcast(call.reshaped(1, ()), call.result_shape())


LOWERINGS: dict[str, Lowering] = {
    "FILL": filled,
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "ONE_HOT": one_hot,
    "REVERSE_SEQUENCE": reverse_sequence,
    "SCATTER_ND": scatter_nd,
    "WHERE": where,
}
