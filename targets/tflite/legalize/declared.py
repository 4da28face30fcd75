"""Operands that the model itself settles by the shape that it declares for a result.

A model that says `y: float[3, 1]` for `y = ReduceSum(x: float[3, 4], axes)` says what `axes` is, wherever it comes
from. The inputs of the model stay; what they say could only contradict the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import onnx_ir as ir

from ..call import Call
from ..dialect import Array, is_constant, make_constant, shape_of

Shape = tuple[int, ...]


def settled(call: Call) -> list[ir.Value | None]:
    """Give the operands of a node, with a constant where the declared shape of the result settles one."""
    operands = list(call.inputs)
    index, settle = _SETTLED.get("Reduce" if call.op.startswith("Reduce") else call.op, (0, None))
    if call.node.domain or settle is None or index >= len(operands):
        return operands
    if operands[index] is None or is_constant(operands[index]):
        return operands
    shapes = [call.declared(index) for index in range(len(call.node.outputs))]
    known = [shape for shape in shapes if shape is not None]
    if len(known) == len(shapes) and (array := settle(call, known)) is not None:
        operands[index] = make_constant(np.asarray(array))
    return operands


def _whole_shape(call: Call, shapes: Sequence[Shape]) -> Array | None:  # noqa: ARG001 - one of a table
    return np.array(shapes[0], np.int64)


def _new_shape(call: Call, shapes: Sequence[Shape]) -> Array | None:
    return None if 0 in shapes[0] and not call.integer("allowzero", 0) else np.array(shapes[0], np.int64)


def _repeats(call: Call, shapes: Sequence[Shape]) -> Array | None:
    before = shape_of(call[0])
    if len(before) != len(shapes[0]) or any(old == 0 or new % old for old, new in zip(before, shapes[0], strict=True)):
        return None
    return np.array(shapes[0], np.int64) // np.array(before, np.int64)


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


def _reduced_axes(call: Call, shapes: Sequence[Shape]) -> Array | None:
    before, after = shape_of(call[0]), shapes[0]
    if call.integer("keepdims", 1):
        if len(before) != len(after):
            return None
        axes = [axis for axis, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        found = [axes] if axes and all(after[axis] == 1 for axis in axes) else []
    else:
        count = len(before) - len(after)
        every = combinations(range(len(before)), count) if count else iter(())
        found = [list(axes) for axes in every if tuple(np.delete(before, axes)) == after]
    return np.array(found[0], np.int64) if len(found) == 1 else None


def _along_axis(call: Call, shapes: Sequence[Shape]) -> Array | None:
    return np.array(shapes[0][call.integer("axis", -1)], np.int64)


def _split_sizes(call: Call, shapes: Sequence[Shape]) -> Array | None:
    return np.array([shape[call.axis(0)] for shape in shapes], np.int64)


def _sizes(call: Call, shapes: Sequence[Shape]) -> Array | None:
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        return None
    return np.array([shapes[0][axis] for axis in call.ints("axes") or range(len(shapes[0]))], np.int64)


def _cropped(call: Call, shapes: Sequence[Shape]) -> Array | None:
    return np.array([shapes[0][axis] for axis in call.ints("axes") or range(len(shapes[0]))], np.int64)


def _grid_size(call: Call, shapes: Sequence[Shape]) -> Array | None:  # noqa: ARG001 - one of a table
    batch, *spatial, _ = shapes[0]
    return np.array([batch, 1, *spatial], np.int64)  # the channels are not looked at


def _window_size(call: Call, shapes: Sequence[Shape]) -> Array | None:  # noqa: ARG001 - one of a table
    return np.array(shapes[0][0], np.int64)


_Settle = Callable[[Call, Sequence[Shape]], Array | None]

_SETTLED: dict[str, tuple[int, _Settle]] = {
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
    "Squeeze": (1, lambda call, shapes: _ones_of(shape_of(call[0]), shapes[0])),
    "Tile": (1, _repeats),
    "TopK": (1, _along_axis),
    "Unsqueeze": (1, lambda call, shapes: _ones_of(shapes[0], shape_of(call[0]))),
}
"""Operator → the operand that is settled, and what it is."""
