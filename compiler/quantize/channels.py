"""Where the channels of a value can be scaled: the way back from a layer to what makes its input.

Between the two stand only operators of which f(s · x) = s · f(x) holds in each channel for s > 0, and sums with
constants, which are scaled along. So dividing the channels at one end and multiplying at the other changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, Editor, constant_array, constant_tensor, ints, is_op, only_user
from .linear import linear_layer, owns_weights, put_constant, scale_outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Channels:
    """The channels of a value at its `axis`; `repeat` neighbours of the value searched from are one channel here."""

    value: ir.Value
    axis: int
    repeat: int = 1
    sums: tuple[tuple[ir.Node, int, int], ...] = field(default=())
    """On the way, sums with constants: the node, which of its inputs is the constant, the axis of the channels."""

    @property
    def maker(self) -> ir.Node:
        """The node that makes the value."""
        node = self.value.producer()
        assert node is not None
        return node

    def gathered(self, largest: Array) -> Array:
        """Give the largest of each channel's neighbours. largest: [channels · repeat]."""
        result: Array = largest.reshape(-1, self.repeat).max(axis=1)
        return result


def maker_of_channels(value: ir.Value, axis: int, accept: Callable[[ir.Node, Channels], bool]) -> Channels | str:
    """Go back from a value to the channels whose maker is accepted, or say why there is no such way.

    The caller answers for who else uses `value`; the values on the way have one user.
    """
    here = Channels(value=value, axis=axis)
    while True:
        node = here.value.producer()
        if node is None:
            return "nothing in the model makes its input"
        if node.outputs[0] is not here.value:
            return f"{node.op_type} {node.name} stands before it"
        if accept(node, here):
            return here
        step = _STEPS.get(node.op_type) if is_op(node, node.op_type) else None
        before = step(node, here) if step is not None else None
        if before is None:
            return f"{node.op_type} {node.name} stands before it"
        if only_user(before.value) is not node:
            return f"{before.value.name} has other users"
        here = before


def can_take(node: ir.Node, channels: Channels) -> bool:
    """Whether factors can be folded into the constants of this node: a layer, a normalization or a product."""
    return is_linear(node, channels) or _is_norm(node, channels) or _is_product(node)


def is_linear(node: ir.Node, channels: Channels) -> bool:
    """Whether the node is a layer with these output channels that can be scaled."""
    layer = linear_layer(node)
    if layer is None or layer.axis(channels.value) != channels.axis or not owns_weights(layer):
        return False
    return not layer.has_bias or _is_float32(node.inputs[2])


def scale_channels(editor: Editor, channels: Channels, factors: Array) -> None:
    """Multiply the channels, at their maker and at the sums on the way. factors: float64[channels]."""
    for node, index, axis in channels.sums:
        _scale_operand(editor, node, index, axis, np.repeat(factors, _neighbours(node, axis, factors.size)))
    node = channels.maker
    layer = linear_layer(node)
    if layer is not None:
        scale_outputs(editor, layer, factors)
    elif is_op(node, "Mul"):
        index = next(index for index in (0, 1) if _is_float32(node.inputs[index]))
        _scale_operand(editor, node, index, channels.axis, factors)
    else:
        for index in range(1, len(node.inputs)):
            value = node.inputs[index]
            if value is not None:
                assert value.const_value is not None
                put_constant(editor, node, index, value.const_value.numpy() * factors)


def _is_norm(node: ir.Node, channels: Channels) -> bool:
    return (
        is_op(node, "LayerNormalization", "RMSNormalization")
        and channels.value.shape is not None
        and channels.axis == len(channels.value.shape) - 1
        and all(_is_float32(value) for value in node.inputs[1:] if value is not None)
    )


def _is_product(node: ir.Node) -> bool:
    return is_op(node, "Mul") and any(_is_float32(value) for value in node.inputs)


def _is_float32(value: ir.Value | None) -> bool:
    tensor = constant_tensor(value)
    return tensor is not None and tensor.dtype == ir.DataType.FLOAT


def _neighbours(node: ir.Node, axis: int, channels: int) -> int:
    """How many entries of the axis at this node are one channel at the maker."""
    shape = node.outputs[0].shape
    assert shape is not None
    size = shape[axis]
    assert isinstance(size, int)
    return size // channels


def _scale_operand(editor: Editor, node: ir.Node, index: int, axis: int, factors: Array) -> None:
    value, result = node.inputs[index], node.outputs[0]
    assert value is not None
    assert value.const_value is not None
    assert result.shape is not None
    put_constant(
        editor, node, index, value.const_value.numpy() * factors.reshape(-1, *[1] * (len(result.shape) - 1 - axis))
    )


def _same(node: ir.Node, here: Channels) -> Channels | None:
    value = node.inputs[0]
    return None if value is None else replace(here, value=value)


def _pool(node: ir.Node, here: Channels) -> Channels | None:
    return _same(node, here) if here.axis == 1 else None


def _pad(node: ir.Node, here: Channels) -> Channels | None:
    pads, fill = constant_array(node.inputs[1]), node.inputs[2] if len(node.inputs) > 2 else None
    if pads is None or len(node.inputs) > 3 or here.value.shape is None:
        return None
    constant = node.attributes.get_string("mode", "constant") == "constant"
    if constant and fill is not None:
        filled = constant_array(fill)
        if filled is None or filled.any():
            return None
    rank = len(here.value.shape)
    return None if pads[here.axis] or pads[rank + here.axis] else _same(node, here)


def _reduce(node: ir.Node, here: Channels) -> Channels | None:
    value = node.inputs[0]
    axes = constant_array(node.inputs[1]) if len(node.inputs) > 1 else None
    if value is None or value.shape is None or axes is None or not axes.size:
        return None
    rank = len(value.shape)
    gone = {int(axis) % rank for axis in axes}
    kept = [axis for axis in range(rank) if axis not in gone]
    axis = here.axis if node.attributes.get_int("keepdims", 1) else kept[here.axis]
    return None if axis in gone else replace(here, value=value, axis=axis)


def _transpose(node: ir.Node, here: Channels) -> Channels | None:
    value, order = node.inputs[0], ints(node, "perm")
    return None if value is None or order is None else replace(here, value=value, axis=order[here.axis])


def _reshape(node: ir.Node, here: Channels) -> Channels | None:
    """The channels are an axis of their own before too, alone or in front of those that were merged with it."""
    value = node.inputs[0]
    if value is None or value.shape is None or here.value.shape is None:
        return None
    before, after, axis = list(value.shape), list(here.value.shape), here.axis
    size = after[axis]
    if not isinstance(size, int) or not before:
        return None
    if axis == len(after) - 1 and before[-1] == size:
        return replace(here, value=value, axis=len(before) - 1)
    behind = len(after) - axis - 1
    merged = before[axis : len(before) - behind]
    if (
        _known_alike(before[:axis], after[:axis])
        and _known_alike(before[len(before) - behind :], after[axis + 1 :])
        and merged
        and all(isinstance(part, int) for part in merged)
        and math.prod(part for part in merged if isinstance(part, int)) == size
    ):
        first = merged[0]
        assert isinstance(first, int)
        return replace(here, value=value, repeat=here.repeat * (size // max(first, 1)))
    return None


def _known_alike(one: list[int | ir.SymbolicDim], other: list[int | ir.SymbolicDim]) -> bool:
    return len(one) == len(other) and all(
        here == there and not (isinstance(here, ir.SymbolicDim) and here.value is None)
        for here, there in zip(one, other, strict=True)
    )


def _times_constant(node: ir.Node, here: Channels) -> Channels | None:
    """A product with a constant, or a quotient by one, that does not widen the value."""
    for index in (0, 1) if node.op_type == "Mul" else (0,):
        if _is_float32(node.inputs[1 - index]):
            return _operand(node, index, here)
    return None


def _plus_constant(node: ir.Node, here: Channels) -> Channels | None:
    for index in (0, 1):
        if _is_float32(node.inputs[1 - index]):
            found = _operand(node, index, here)
            if found is not None:
                return replace(found, sums=(*here.sums, (node, 1 - index, here.axis)))
    return None


def _operand(node: ir.Node, index: int, here: Channels) -> Channels | None:
    """One operand, when it has the rank and the channels of the result."""
    value = node.inputs[index]
    if value is None or value.shape is None or here.value.shape is None or len(value.shape) != len(here.value.shape):
        return None
    size = here.value.shape[here.axis]
    return replace(here, value=value) if isinstance(size, int) and value.shape[here.axis] == size else None


_STEPS: Final[Mapping[str, Callable[[ir.Node, Channels], Channels | None]]] = {
    "Identity": _same,
    "Relu": _same,
    "LeakyRelu": _same,
    "PRelu": _same,
    "Abs": _same,
    "Neg": _same,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _pool,
    "GlobalMaxPool": _pool,
    "Pad": _pad,
    "ReduceMean": _reduce,
    "ReduceMax": _reduce,
    "ReduceSum": _reduce,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Mul": _times_constant,
    "Div": _times_constant,
    "Add": _plus_constant,
    "Sub": _plus_constant,
}
"""Operator → the channels of its input that are those of its output."""
