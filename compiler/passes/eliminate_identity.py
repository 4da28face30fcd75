"""EliminateIdentity: nodes that give back what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from .base import Pass
from .editing import Editor, all_nodes, constant_array, is_op, same_shape, static_shape


class EliminateIdentity(Pass):
    """Removes nodes whose first output equals their first input, bit for bit, for every input."""

    def rewrite(self, model: ir.Model) -> bool:
        """Go forward once; chains vanish on the way."""
        editor, changed = Editor(model), False
        for node in all_nodes(model):
            rule = _RULES.get(node.op_type) if is_op(node, node.op_type) else None
            if rule is None or node.graph is None or not node.inputs or node.inputs[0] is None:
                continue
            source, output = node.inputs[0], node.outputs[0]
            if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]) or not rule(node):
                continue
            if output.is_graph_output() and _must_stay(node, source):
                continue
            editor.replace(output, source)
            changed = True
        return changed


def _must_stay(node: ir.Node, source: ir.Value) -> bool:
    # an output of the graph needs a node of its own when its value is an input, a constant or another output
    if not is_op(node, "Identity"):
        return False
    maker = source.producer()
    return maker is None or maker.graph is not node.graph or source.is_graph_output()


def _dropout(node: ir.Node) -> bool:
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return True
    training = constant_array(node.inputs[2])
    return training is not None and not training.any()


def _cast(node: ir.Node) -> bool:
    source = node.inputs[0]
    return source is not None and source.dtype is not None and source.dtype == node.attributes.get_int("to", 0)


def _pad(node: ir.Node) -> bool:
    pads = constant_array(node.inputs[1])
    return pads is not None and not pads.any()


def _slice(node: ir.Node) -> bool:
    source = node.inputs[0]
    starts, ends = constant_array(node.inputs[1]), constant_array(node.inputs[2])
    axes = constant_array(node.inputs[3]) if len(node.inputs) > 3 and node.inputs[3] is not None else None
    steps = constant_array(node.inputs[4]) if len(node.inputs) > 4 and node.inputs[4] is not None else None
    if len(node.inputs) > 3 and node.inputs[3] is not None and axes is None:
        return False
    if len(node.inputs) > 4 and node.inputs[4] is not None and steps is None:
        return False
    if source is None or starts is None or ends is None or (steps is not None and (steps != 1).any()) or starts.any():
        return False
    if (ends >= np.iinfo(np.int32).max).all():  # how exporters write "to the end"
        return True
    if source.shape is None:
        return False
    positions = range(len(ends)) if axes is None else axes.tolist()
    sizes = [source.shape[int(axis)] for axis in positions]
    return all(isinstance(size, int) and end >= size for size, end in zip(sizes, ends.tolist(), strict=True))


def _expand(node: ir.Node) -> bool:
    source, target = static_shape(node.inputs[0]), constant_array(node.inputs[1])
    if target is None or node.inputs[0] is None:
        return False
    if (target == 1).all():
        return node.inputs[0].shape is not None and len(target) <= len(node.inputs[0].shape)
    return source is not None and tuple(np.broadcast_shapes(source, tuple(target.tolist()))) == source


def _same_static_shape(node: ir.Node) -> bool:
    source, result = node.inputs[0], node.outputs[0]
    # a single symbolic dimension is settled by the others, so equal names are equal sizes
    return source is not None and same_shape(source, result)


def _tile(node: ir.Node) -> bool:
    repeats = constant_array(node.inputs[1])
    return repeats is not None and bool((repeats == 1).all())


def _one_input(node: ir.Node) -> bool:
    return len(node.inputs) == 1


def _neutral(number: float, *, integers_only: bool = False) -> Callable[[ir.Node], bool]:
    """Whether the second input is this number everywhere and does not change the shape of the first."""

    def rule(node: ir.Node) -> bool:
        source, other = node.inputs[0], constant_array(node.inputs[1])
        if source is None or other is None or not (other == number).all() or source.dtype is None:
            return False
        if integers_only and source.dtype.is_floating_point():
            return False  # -0.0 + 0.0 is 0.0
        if other.ndim == 0:
            return True
        if source.shape is None:
            return False
        if other.size == 1:
            return other.ndim <= len(source.shape)
        shape = static_shape(source)
        return shape is not None and tuple(np.broadcast_shapes(shape, other.shape)) == shape

    return rule


_RULES: Final[Mapping[str, Callable[[ir.Node], bool]]] = {
    "Identity": lambda _: True,
    "Dropout": _dropout,
    "Cast": _cast,
    "Pad": _pad,
    "Slice": _slice,
    "Expand": _expand,
    "Tile": _tile,
    "Reshape": _same_static_shape,
    "Flatten": _same_static_shape,
    "Concat": _one_input,
    "Sum": _one_input,
    "Mean": _one_input,
    "Max": _one_input,
    "Min": _one_input,
    "Mul": _neutral(1),
    "Div": _neutral(1),
    "Pow": _neutral(1),
    "Sub": _neutral(0),
    "Add": _neutral(0, integers_only=True),
}
