"""Gathers, counted from the front: ONNX counts negative indices from the end, TVM's own operators do not all.

An index out of its axis, an error in ONNX, is taken for the nearest that exists: what is computed must not read beyond
a tensor. A constant one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.indices import counted_from_the_front
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .elements import Element, either, elementwise, whole
from .pieces import sizes_of


def from_the_front(b: Builder, call: Call[Expr], index: int, axes: Sequence[int]) -> Expr:
    """Give an input of indices into `call[0]` as int64 within their axes.

    `axes` are those that the indices are for: one for all of them, or one for each place of their last axis.

    Raises:
        Refused: when a constant one lies outside, or there is nothing to index.
    """
    return places_within(b, call, index, *(call.shape()[axis] for axis in axes))


def places_within(b: Builder, call: Call[Expr], index: int, *sizes: int) -> Expr:
    """Give an input of indices as int64 from 0 up to a size: one for all, or one for each place of their last axis.

    Raises:
        Refused: when a constant one lies outside, or there is nothing to index.
    """
    if 0 in sizes and 0 not in call.shape(index):
        raise Refused("it indexes an axis without elements")
    if call.is_constant(index):
        return b.const(counted_from_the_front(call.constant(index, "indices").astype(np.int64), sizes), "int64")

    def inside(value: Element, size: Element) -> Element:
        place = either(value < whole(0), value + size, value)
        return tirx().max(tirx().min(place, size - whole(1)), whole(0))

    given = call[index] if dtype_of(call[index]) == "int64" else b.op(relax().op.astype, call[index], "int64")
    limits = np.array(sizes, np.int64)
    return elementwise(b, "index", inside, given, b.const(limits if len(sizes) > 1 else limits.reshape(())))


def gather(call: Call[Expr], b: Builder) -> Expr:
    """Gather slices along one axis."""
    x, axis = call[0], call.axis(0)
    indices = from_the_front(b, call, 1, [axis])
    count = len(sizes_of(indices))

    def element(place: Sequence[Any], data: Any, places: Any) -> Element:
        return data(*place[:axis], places(*place[axis : axis + count]), *place[axis + count :])

    return b.each("gather", call.result_shape(), element, x, indices)


def gather_elements(call: Call[Expr], b: Builder) -> Expr:
    """GatherElements; along the other axes the indices may be fewer than the elements."""
    axis = call.axis(0)

    def element(place: Sequence[Any], data: Any, places: Any) -> Element:
        return data(*place[:axis], places(*place), *place[axis + 1 :])

    return b.each("gather_elements", call.shape(1), element, call[0], from_the_front(b, call, 1, [axis]))


def gather_nd(call: Call[Expr], b: Builder) -> Expr:
    """GatherND."""
    shared, depth = call.integer("batch_dims", 0), call.shape(1)[-1]
    count = call.rank(1) - 1

    def element(place: Sequence[Any], data: Any, places: Any) -> Element:
        chosen = [places(*place[:count], whole(axis)) for axis in range(depth)]
        return data(*place[:shared], *chosen, *place[count:])

    indices = from_the_front(b, call, 1, range(shared, shared + depth))
    return b.each("gather_nd", call.result_shape(), element, call[0], indices)


def one_hot(call: Call[Expr], b: Builder) -> Expr:
    """OneHot: a comparison with every place, so that an index out of range gives nothing but the value for off."""
    rank, axis = call.rank(), call.integer("axis", -1)
    axis = axis + rank + 1 if axis < 0 else axis
    depth = call.result_shape()[axis]

    def element(place: Sequence[Any], indices: Any, values: Any) -> Element:
        index = indices(*place[:axis], *place[axis + 1 :])
        index = either(index < whole(0), index + whole(depth), index)
        return either(index == place[axis], values(whole(1)), values(whole(0)))

    indices = b.op(relax().op.astype, call[0], "int64")  # a float stands for the integer that it is cut to
    return b.each("one_hot", call.result_shape(), element, indices, call[2])


def tensor_scatter(call: Call[Expr], b: Builder) -> Expr:
    """TensorScatter: write a run of slices into a cache, from a place on that each sample says for itself.

    For every place of the cache it is reckoned which slice of the update, if any, belongs there.
    """
    cache, update = call[0], call[1]
    axis = call.integer("axis", -2) % call.rank()
    length, run = call.shape()[axis], call.shape(1)[axis]
    start = call[2] if call.has(2) else b.const(np.zeros(call.shape()[0], np.int64))
    circular = call.text("mode", "linear") == "circular"

    def element(place: Sequence[Any], old: Any, new: Any, starts: Any) -> Element:
        # brought near first: LLVM may take a difference that overflows for any number
        begin = starts(place[0])
        if circular:
            own = tirx().floormod(place[axis] - tirx().floormod(begin, whole(length)), whole(length))
        else:
            own = place[axis] - tirx().max(tirx().min(begin, whole(length)), whole(-run))
        taken = tirx().all(own >= whole(0), own < whole(run))
        near = tirx().max(tirx().min(own, whole(run - 1)), whole(0))
        return either(taken, new(*place[:axis], near, *place[axis + 1 :]), old(*place))

    return b.each("tensor_scatter", call.shape(), element, cache, update, start)


LOWERINGS: dict[str, Lowering] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "OneHot": one_hot,
    "TensorScatter": tensor_scatter,
}
