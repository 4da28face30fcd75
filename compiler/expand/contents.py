"""What is known of the elements of small tensors of integers that sizes are made into: numbers, names, or nothing.

Exporters and definitions compute the shape for a Reshape at run time: `Concat(Shape(x)[0:1], [12, 64])`. Where a size
has only a name, the elements beside it are still known, and that is mostly enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..passes.editing import Array, constant_array, is_op

Elements = NDArray[np.object_]
"""Elements of a tensor of integers: `int`, `ir.SymbolicDim` with a name, or None for one of which nothing is known."""

_MOST_ELEMENTS: Final = 64
"""No shape has more; what is longer holds indices or data."""

_INTEGERS: Final = (ir.DataType.INT64, ir.DataType.INT32)


class Contents:
    """What is known so far. A value that is a constant is known in full and not held here."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self._known: dict[ir.Value, Elements] = {}

    def of(self, value: ir.Value | None) -> Elements | None:
        """Give what is known of a value's elements, None when that is nothing."""
        if value is None or value.dtype not in _INTEGERS:
            return None
        array = constant_array(value, most_elements=_MOST_ELEMENTS)
        return self._known.get(value) if array is None else array.astype(object)

    def learn(self, node: ir.Node) -> None:
        """Note what a node's operands tell of its output."""
        rule = _RULES.get(node.op_type) if node.domain == "" else None
        if rule is None or not node.outputs or node.outputs[0].dtype not in (None, *_INTEGERS):
            return
        operands = [node.inputs[0]] if is_op(node, "Shape") else [*node.inputs]
        given = [_sizes(operands[0])] if is_op(node, "Shape") else [self.of(value) for value in operands]
        if any(value is not None and known is None for value, known in zip(operands, given, strict=True)):
            return
        elements = rule(node, given)
        if elements is not None and elements.size <= _MOST_ELEMENTS:
            self._known[node.outputs[0]] = elements

    def number(self, node: ir.Node) -> Array | None:
        """Give the output of a node where every element of it turns out to be known as a number."""
        elements = self._known.get(node.outputs[0]) if node.outputs else None
        dtype = node.outputs[0].dtype if elements is not None else None
        if elements is None or dtype is None or not _are_numbers(elements):
            return None
        return np.array(elements.tolist(), dtype.numpy())


def _are_numbers(elements: Elements) -> bool:
    """Whether every element is known as a number."""
    return all(isinstance(element, int) for element in elements.ravel())


def _sizes(value: ir.Value | None) -> Elements | None:
    if value is None or value.shape is None:
        return None
    sizes = [size if isinstance(size, int) or size.value is not None else None for size in value.shape]
    return _array(sizes, (len(sizes),))


def _array(elements: Sequence[Any], shape: tuple[int, ...]) -> Elements:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)


def _shape(node: ir.Node, given: Sequence[Any]) -> Elements | None:
    sizes: Elements = given[0]
    return sizes[node.attributes.get_int("start", 0) : node.attributes.get_int("end", len(sizes))]


def _same(_node: ir.Node, given: Sequence[Any]) -> Elements | None:
    known: Elements = given[0]
    return known


def _gather(node: ir.Node, given: Sequence[Any]) -> Elements | None:
    known, indices = given
    if node.attributes.get_int("axis", 0) or known.ndim != 1 or not _are_numbers(indices):
        return None
    picked = [known[int(index)] for index in indices.ravel() if -len(known) <= index < len(known)]
    return _array(picked, indices.shape) if len(picked) == indices.size else None


def _slice(_node: ir.Node, given: Sequence[Any]) -> Elements | None:
    known, starts, ends, *rest = given
    step = rest[1] if len(rest) > 1 and rest[1] is not None else np.array([1], object)
    if known.ndim != 1 or any(part.size != 1 or not _are_numbers(part) for part in (starts, ends, step)):
        return None
    # Ends far below zero mean "to the front" to ONNX, and Python takes them so too.
    return known[starts.item() : ends.item() : step.item()] if step.item() > 0 else None


def _concat(_node: ir.Node, given: Sequence[Any]) -> Elements | None:
    return np.concatenate(given) if all(part.ndim == 1 for part in given) else None


def _reshaped(node: ir.Node, given: Sequence[Any]) -> Elements | None:
    shape = node.outputs[0].shape
    return given[0].reshape(shape.numpy()) if shape is not None and shape.is_static() else None


def _product(node: ir.Node, given: Sequence[Any]) -> Elements | None:
    if len(given) > 1 or not _are_numbers(given[0]):
        return None
    return _array([math.prod(given[0].ravel())], (1,) * given[0].ndim if node.attributes.get_int("keepdims", 1) else ())


def _elementwise(compute: Callable[[int, int], int], neutral: int | None) -> Callable[..., Elements | None]:
    def one(x: Any, y: Any) -> Any:
        if isinstance(x, int) and isinstance(y, int):
            return compute(x, y)
        return x if isinstance(y, int) and y == neutral else None

    def rule(_node: ir.Node, given: Sequence[Any]) -> Elements | None:
        left, right = np.broadcast_arrays(*given)
        return _array([one(x, y) for x, y in zip(left.ravel(), right.ravel(), strict=True)], left.shape)

    return rule


_RULES: Final[dict[str, Callable[[ir.Node, Sequence[Any]], Elements | None]]] = {
    "Add": _elementwise(lambda x, y: x + y, 0),
    "Cast": _same,
    "Concat": _concat,
    "Gather": _gather,
    "Identity": _same,
    "Mul": _elementwise(lambda x, y: x * y, 1),
    "ReduceProd": _product,
    "Reshape": _reshaped,
    "Shape": _shape,
    "Slice": _slice,
    "Squeeze": _reshaped,
    "Sub": _elementwise(lambda x, y: x - y, 0),
    "Unsqueeze": _reshaped,
}
"""Operator → what its output holds, of operands of which at least something is known."""
