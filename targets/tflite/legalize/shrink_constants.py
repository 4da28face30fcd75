"""Constants that only repeat themselves along an axis: broadcasting repeats them at run time."""

from __future__ import annotations

import numpy as np

from ..dialect import Array, constant_of, make_constant, operand, shape_of
from ..operators import BINARY
from .rewriter import Rewriter


def shrink_constants(rewriter: Rewriter) -> None:
    """Shrink the constant operands of elementwise operators where the other operand keeps the result's shape."""
    for node in rewriter.graph:
        if node.op_type not in BINARY:
            continue
        for index in (0, 1):
            array, other = constant_of(node.inputs[index]), operand(node, 1 - index)
            if array is None or array.size == 1 or constant_of(other) is not None:
                continue
            if shape_of(other) != shape_of(node.outputs[0]):
                continue
            small = _shrunk(array)
            if small.size < array.size:
                node.replace_input_with(index, make_constant(small, operand(node, index).name))


def _shrunk(array: Array) -> Array:
    for axis, size in enumerate(array.shape):
        first = array.take([0], axis)
        # Compared as bits: −0 is not 0, and a NaN is itself.
        if size > 1 and first.tobytes() == array.take([size - 1], axis).tobytes() and _repeats(array, first):
            array = first
    return np.ascontiguousarray(array)


def _repeats(array: Array, first: Array) -> bool:
    wide = np.broadcast_to(first, array.shape)
    return np.ascontiguousarray(array).tobytes() == np.ascontiguousarray(wide).tobytes()
