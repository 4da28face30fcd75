"""Shapes and what changes them without a move of an element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .lowering import Lowering
from .sizes import Size, declared, element, elements, is_number, is_one_of, shaped, size_of


def reshape(call: Call, b: Builder) -> Var:
    """Reshape, to a shape that is constant or computed from sizes."""
    x = call[0]
    wanted = elements(call, 1)
    known = declared(call, len(wanted))
    sizes: list[Size] = []
    for place, size in enumerate(wanted):
        if size == 0 and not call.integer("allowzero", 0):
            if place >= call.rank():
                raise Refused(f"its shape copies axis {place} of {call.rank()}")
            size = x.shape[place]
        if not is_number(size) and not is_one_of(size, x.shape):
            size = known[place]
        sizes.append(size)
    if sizes.count(None) == 1 and -1 not in sizes:
        sizes[sizes.index(None)] = -1
    return shaped(b, x, [_computed(call, b, place) if size is None else size for place, size in enumerate(sizes)])


def _computed(call: Call, b: Builder, place: int) -> Var:
    """Give a size from the shape that is computed at run time, where 0 copies the size of the same axis."""
    size = element(b, call[1], place)
    if call.integer("allowzero", 0) or place >= call.rank():
        return size
    copied = size_of(b, call[0], place)
    return b.op("select", b.op("equal", size, 0), np.array([copied], np.int32) if is_number(copied) else copied, size)


def flatten(call: Call, b: Builder) -> Var:
    """Flatten: two axes, the product of those before `axis` and of the others."""
    x, rank = call[0], call.rank()
    axis = call.integer("axis", 1)
    axis = axis + rank if axis < 0 else axis
    before, behind = x.shape[:axis], x.shape[axis:]
    if all(map(is_number, before)):
        return shaped(b, x, [math.prod(before), -1])
    if all(map(is_number, behind)):
        return shaped(b, x, [-1, math.prod(behind)])
    sizes = b.op("slice_by_index", b.op("shape", x), begin=[0], end=[axis])
    return shaped(b, x, [sizes if axis == 1 else b.op("reduce_prod", sizes, axes=[0], keep_dims=True), -1])


def squeeze(call: Call, b: Builder) -> Var:
    """Squeeze: the axes that are named, or all whose size is 1."""
    x, rank = call[0], call.rank()
    named = call.constant_ints(1, "list of axes") if call.opset >= 13 else call.ints("axes")
    if named is None and not all(map(is_number, x.shape)):
        raise Refused("it takes away every axis of size 1, and a size is known only at run time")
    axes = {axis % rank for axis in named} if named is not None else {at for at in range(rank) if x.shape[at] == 1}
    if not axes:
        return x
    if rank == 1 and x.shape == (1,):
        return b.op("gather", x, 0, axis=0) if _is_symbolic(x) else b.op("squeeze", x, axes=[0])
    if all(is_number(x.shape[axis]) and x.shape[axis] == 1 for axis in axes):
        return b.op("squeeze", x, axes=sorted(axes))
    return shaped(b, x, [size for axis, size in enumerate(x.shape) if axis not in axes])


def _is_symbolic(x: Var) -> bool:
    """Whether MIL follows the value as a size: it does through a gather, not through a squeeze."""
    return x.val is None and x.sym_val is not None


def unsqueeze(call: Call, b: Builder) -> Var:
    """Unsqueeze."""
    x = call[0]
    axes = (call.constant_ints(1, "list of axes") if call.opset >= 13 else call.ints("axes")) or []
    rank = call.rank() + len(axes)
    if not call.rank():  # MIL follows a value that is a size through a reshape, not through expand_dims
        return b.op("reshape", x, [1] * rank) if axes else x
    return b.op("expand_dims", x, axes=sorted(axis % rank for axis in axes)) if axes else x


def shape(call: Call, b: Builder) -> Var:
    """Shape, or a part of it."""
    sizes, rank = call.sizes(), call.rank()
    start, stop, _ = slice(call.integer("start", 0), call.integer("end", rank)).indices(rank)
    if start >= stop:
        raise Refused("a tensor without elements: Core ML has none")
    if all(map(is_number, sizes[start:stop])):
        return b.const(np.array(sizes[start:stop], np.int64))
    whole = b.op("shape", call[0])
    return whole if (start, stop) == (0, rank) else b.op("slice_by_index", whole, begin=[start], end=[stop])


def size(call: Call, b: Builder) -> Var:
    """Size: the number of elements, a scalar."""
    sizes = call.sizes()
    if all(map(is_number, sizes)):
        return b.const(np.array(math.prod(int(size) for size in sizes)))
    return b.op("reduce_prod", b.op("shape", call[0]), axes=[0], keep_dims=False)


def identity(call: Call, _: Builder) -> Any:
    """Identity."""
    return call[0]


LOWERINGS: dict[str, Lowering] = {
    "Flatten": flatten,
    "Identity": identity,
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
}
