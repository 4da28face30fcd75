"""Sizes of axes that are numbers, or known only when the model runs; and tensors given new ones.

MIL has a symbol for a size that is open. Where the sizes are asked for in a shape, a symbol that is one of the tensor's
own is read off it again; every other number that is computed at run time is a vector of one element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ....compiler.passes.editing import is_op
from ..builder import Builder, Var, type_name
from ..call import Call, fixed

Size = Any
"""A number, a symbol of MIL, or an int32[1] of MIL; None where nothing is known."""


DTYPES = {"fp16": np.float16, "fp32": np.float32, "int32": np.int32, "bool": np.bool_}
"""MIL's dtypes as NumPy's."""


def is_number(size: Size) -> bool:
    """Whether a size is known now."""
    return isinstance(size, int | np.integer)


def is_one_of(size: Size, sizes: Sequence[Size]) -> bool:
    """Whether a size that is no number is the same as one of a tensor's own."""
    return not is_number(size) and any(size is other or size == other for other in sizes if not is_number(other))


def size_of(b: Builder, x: Var, axis: int) -> Size:
    """Give the size of an axis: a number, or an int32[1]."""
    size = x.shape[axis]
    return int(size) if is_number(size) else b.op("slice_by_index", b.op("shape", x), begin=[axis], end=[axis + 1])


def elements(call: Call, index: int) -> list[Size]:
    """Give the elements of a vector of integers: numbers, symbols, None for what no more is known of than its place.

    A symbol that is no size of a tensor at hand may stand for any number.

    Raises:
        Refused: when even the length of the vector is known only at run time.
    """
    if call.is_constant(index):
        return [*(call.constant_ints(index, "list of sizes") or ())]
    vector = call[index]
    (count,) = fixed(vector.shape)
    if vector.sym_val is None:
        return [None] * count
    return [int(each) if is_number(each) else each for each in np.atleast_1d(vector.sym_val)]


def declared(call: Call, rank: int) -> list[Size]:
    """Give what the hub knows of the sizes of the first output, which has `rank` axes.

    A size is a number, the symbol of an axis of the first input that the hub knows to be as long, or None.
    """
    result, given = call.node.outputs[0].shape, call.node.inputs[0]
    if result is None or len(result) != rank:
        return [None] * rank
    own: dict[str | None, Size] = {}
    if given is not None and given.shape is not None and len(given.shape) == call.rank():
        own = {name_of(size): symbol for size, symbol in zip(given.shape, call.sizes(), strict=True)}
    own[None] = None
    return [size if isinstance(size, int) else own.get(name_of(size)) for size in result]


def name_of(size: int | ir.SymbolicDim) -> str | None:
    """Give the name that the hub has for an open dimension."""
    return None if isinstance(size, int) else size.value


def element(b: Builder, vector: Var, place: int) -> Var:
    """Give one element of a vector as int32[1]."""
    return b.op("slice_by_index", vector, begin=[place], end=[place + 1])


def is_never_negative(value: ir.Value | None) -> bool:
    """Whether the hub shows that an integer is no less than 0: what exporters make of shapes is."""
    node = value.producer() if value is not None else None
    if node is None:
        tensor = value.const_value if value is not None else None
        return tensor is not None and bool((tensor.numpy() >= 0).all())
    if is_op(node, "Shape", "Size"):
        return True
    if is_op(node, "Gather", "Slice", "Squeeze", "Unsqueeze", "Identity"):
        return is_never_negative(node.inputs[0])
    return is_op(node, "Concat", "Add", "Mul", "Max", "Min") and all(map(is_never_negative, node.inputs))


def nothing(b: Builder, x: Var, axis: int) -> Var:
    """Give a constant like `x` without an element along an axis. A Concat leaves it out; nothing else takes it.

    Raises:
        Refused: when another size is known only at run time.
    """
    sizes = fixed([0 if at == axis else size for at, size in enumerate(x.shape)])
    return b.const(np.zeros(sizes, DTYPES[type_name(x)]))


def vector_of(b: Builder, parts: Sequence[Size]) -> Any:
    """Give numbers and int32[1]s as one vector: an array when all are numbers."""
    if all(is_number(part) for part in parts):
        return np.array(parts, np.int32)
    values: list[Any] = []
    for part in parts:
        if not is_number(part):
            values.append(part)
        elif values and isinstance(values[-1], np.ndarray):
            values[-1] = np.append(values[-1], np.int32(part))
        else:
            values.append(np.array([part], np.int32))
    return b.op("concat", values=values, axis=0) if len(values) > 1 else values[0]


def shaped(b: Builder, x: Var, sizes: Sequence[Size]) -> Var:
    """Give the elements of `x` the shape `sizes`: numbers, at most one −1, symbols of `x`, and int32[1]s.

    One size that is no number is left to the reshape, which needs no computation at run time.

    Raises:
        Refused: when the shape has no element.
    """
    sizes = [int(size) if is_number(size) else size for size in sizes]
    if 0 in sizes:
        raise Refused("a tensor without elements: Core ML has none")
    if not sizes:
        one = x if all(map(is_number, x.shape)) else b.op("reshape", x, [1])  # squeeze leaves an open axis standing
        return b.op("squeeze", one, axes=[*range(len(one.shape))]) if len(one.shape) else one
    if len(sizes) == len(x.shape) and all(
        is_one_of(size, [own]) if not is_number(size) else is_number(own) and size == own
        for size, own in zip(sizes, x.shape, strict=True)
    ):
        return x
    left = [place for place, size in enumerate(sizes) if not is_number(size)]
    if left and -1 not in sizes:
        computed = [place for place in left if not is_one_of(sizes[place], x.shape)]
        sizes[(computed or left)[-1]] = -1
    return b.op("reshape", x, vector_of(b, [read(b, x, size) for size in sizes]))


def read(b: Builder, x: Var, size: Size) -> Size:
    """Give a size that is a symbol of `x` as an int32[1], any other as it is."""
    if is_number(size) or not is_one_of(size, x.shape):
        return size
    return size_of(b, x, next(axis for axis, own in enumerate(x.shape) if is_one_of(size, [own])))
