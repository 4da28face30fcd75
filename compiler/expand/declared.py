"""Operands that the model itself settles by the shape that it declares for a result.

A model that says `y: float[3, 1]` for `y = ReduceSum(x: float[3, 4], axes)` says what `axes` is, wherever it comes
from. The inputs of the model stay; what they say could only contradict the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import ints, static_shape
from .evaluate import Array

Shape = tuple[int, ...]

_KEEPS_SHAPE: Final = frozenset(
    {"Abs", "Cast", "CastLike", "Ceil", "Exp", "Floor", "Identity", "Log", "Neg", "Relu", "Sqrt"}
)
"""Operators whose result has the shape of operand 0."""


def declared_shape(value: ir.Value) -> Shape | None:
    """Give the static shape of a hub value, its own or that of what is computed of it element by element."""
    shape = static_shape(value)
    if shape is not None:
        return shape
    for node, index in value.uses():
        if index == 0 and not node.domain and node.op_type in _KEEPS_SHAPE:
            return declared_shape(node.outputs[0])
    return None


def settled_operand(node: ir.Node, operands: Sequence[ir.Value | None]) -> tuple[int, Array] | None:
    """Give the index and the value of the operand that the declared shapes of the results settle, None when none does.

    `operands` stand for the node's inputs. One that is constant already is not looked at.
    """
    index, settle = _SETTLED.get("Reduce" if node.op_type.startswith("Reduce") else node.op_type, (0, None))
    if node.domain or settle is None or index >= len(operands):
        return None
    operand = operands[index]
    if operand is None or (operand.const_value is not None and not operand.is_graph_input()):
        return None
    shapes = [declared_shape(value) for value in node.outputs]
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    array = settle(node, static_shape(operands[0]), known)
    return None if array is None else (index, np.asarray(array))


def _whole_shape(_node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    return np.array(shapes[0], np.int64)


def _new_shape(node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    allows_zero = node.attributes.get_int("allowzero", 0)
    return None if 0 in shapes[0] and not allows_zero else np.array(shapes[0], np.int64)


def _repeats(_node: ir.Node, before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    after = shapes[0]
    if before is None or len(before) != len(after):
        return None
    if any(old == 0 or new % old for old, new in zip(before, after, strict=True)):
        return None
    return np.array(after, np.int64) // np.array(before, np.int64)


def _squeezed(_node: ir.Node, before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    return None if before is None else _ones_of(before, shapes[0])


def _unsqueezed(_node: ir.Node, before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    return None if before is None else _ones_of(shapes[0], before)


def _ones_of(longer: Shape, shorter: Shape) -> Array | None:
    """Give places of ones that, left out of the longer shape, leave the shorter; any of equal ones will do."""
    places, rest = [], list(shorter)
    for place, size in enumerate(longer):
        if rest and rest[0] == size:
            rest.pop(0)
        elif size == 1:
            places.append(place)
        else:
            return None
    return None if rest else np.array(places, np.int64)


def _reduced_axes(node: ir.Node, before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    after = shapes[0]
    if before is None:
        return None
    if node.attributes.get_int("keepdims", 1):
        if len(before) != len(after):
            return None
        axes = [axis for axis, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        found = [axes] if axes and all(after[axis] == 1 for axis in axes) else []
    else:
        count = len(before) - len(after)
        every = combinations(range(len(before)), count) if count > 0 else iter(())
        found = [list(axes) for axes in every if tuple(np.delete(before, axes)) == after]
    return np.array(found[0], np.int64) if len(found) == 1 else None


def _along_axis(node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    return np.array(shapes[0][node.attributes.get_int("axis", -1)], np.int64)


def _count_along_axis(node: ir.Node, before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    count = _along_axis(node, before, shapes)
    return None if count is None else count.reshape(1)


def _split_sizes(node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    axis = node.attributes.get_int("axis", 0)
    return np.array([shape[axis] for shape in shapes], np.int64)


def _sizes(node: ir.Node, before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    if node.attributes.get_string("keep_aspect_ratio_policy", "stretch") != "stretch":
        return None
    return _cropped(node, before, shapes)


def _cropped(node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    return np.array([shapes[0][axis] for axis in ints(node, "axes") or range(len(shapes[0]))], np.int64)


def _grid_size(_node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    batch, *spatial, _ = shapes[0]
    return np.array([batch, 1, *spatial], np.int64)  # the channels are not looked at


def _window_size(_node: ir.Node, _before: Shape | None, shapes: Sequence[Shape]) -> Array | None:
    return np.array(shapes[0][0], np.int64)


_Settle = Callable[[ir.Node, Shape | None, Sequence[Shape]], Array | None]

_SETTLED: Final[dict[str, tuple[int, _Settle]]] = {
    "AffineGrid": (1, _grid_size),
    **dict.fromkeys(("BlackmanWindow", "HammingWindow", "HannWindow"), (0, _window_size)),
    "CenterCropPad": (1, _cropped),
    "ConstantOfShape": (0, _whole_shape),
    "Expand": (1, _whole_shape),
    "MaxUnpool": (2, _whole_shape),
    "OneHot": (1, _along_axis),
    "Reduce": (1, _reduced_axes),
    "Reshape": (1, _new_shape),
    "Resize": (3, _sizes),
    "Split": (1, _split_sizes),
    "Squeeze": (1, _squeezed),
    "Tile": (1, _repeats),
    "TopK": (1, _count_along_axis),
    "Unsqueeze": (1, _unsqueezed),
}
"""Operator → the operand that is settled, and what it is."""
