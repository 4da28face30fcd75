"""Convolutions and FULLY_CONNECTED with constant weights, as what they are: y = W x + b."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..builder import Builder, Operand
from ..dialect import Array, constant_of, dtype_of, operand, shape_of, text
from ..quantization import integers_of, picked_constant, scaled_constant

_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""The axis of the weights that counts the output channels."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A node with constant weights and a constant bias (zeros where it has none), and nothing fused behind."""

    node: ir.Node
    weight: Array
    bias: Array

    @classmethod
    def of(cls, node: ir.Node | None) -> Linear | None:
        """Read a node as such; None when it is none."""
        if node is None or node.op_type not in _OUTPUT_AXIS:
            return None
        if text(node, "fused_activation_function", "NONE") != "NONE":
            return None
        weight = constant_of(node.inputs[1])
        channels = shape_of(node.outputs[0])[-1]
        given = node.inputs[2] if len(node.inputs) > 2 else None
        bias = np.zeros(channels, np.float32) if given is None else constant_of(given)
        return None if weight is None or bias is None else cls(node, weight, bias)

    @property
    def is_on_grid(self) -> bool:
        """Whether the weights stand for integers."""
        return integers_of(operand(self.node, 1)) is not None

    @property
    def channels(self) -> int:
        """How many output channels there are."""
        return len(self.bias)

    def scaled(self, b: Builder, factors: Array) -> ir.Value:
        """Make the node that gives `factors[channels] · y`."""
        axis = _OUTPUT_AXIS[self.node.op_type]
        weight = scaled_constant(operand(self.node, 1), factors, axis)
        return self._made(b, operand(self.node, 0), weight, self.bias * factors)

    def shifted(self, b: Builder, addends: Array) -> ir.Value:
        """Make the node that gives `y + addends[channels]`."""
        return self._made(b, operand(self.node, 0), operand(self.node, 1), self.bias + addends)

    def of_scaled(self, b: Builder, x: ir.Value, factors: Array) -> ir.Value:
        """Make the FULLY_CONNECTED that gives for `x` what this one gives for `factors[depth] · x`."""
        return self._made(b, x, self.weight * factors, self.bias)

    def of_shifted(self, b: Builder, x: ir.Value, addends: Array) -> ir.Value:
        """Make the FULLY_CONNECTED that gives for `x` what this one gives for `x + addends[depth]`."""
        moved = self.bias + self.weight.astype(np.float64) @ addends.astype(np.float64)
        return self._made(b, x, operand(self.node, 1), moved.astype(np.float32))

    def picked(self, b: Builder, channels: Array) -> ir.Value:
        """Make the node that gives only these output channels, in this order; not for DEPTHWISE_CONV_2D."""
        out, x = self.node.outputs[0], operand(self.node, 0)
        attributes = {name: attribute.value for name, attribute in self.node.attributes.items()}
        shape = (*shape_of(out)[:-1], len(channels))
        weight = picked_constant(operand(self.node, 1), channels)
        operands: list[Operand] = [x, weight, np.ascontiguousarray(self.bias[channels])]
        return b.op(self.node.op_type, operands, shape, dtype_of(out), **attributes)

    def _made(self, b: Builder, x: ir.Value, weight: ir.Value | Array, bias: Array) -> ir.Value:
        out = self.node.outputs[0]
        attributes = {name: attribute.value for name, attribute in self.node.attributes.items()}
        return b.op(self.node.op_type, [x, weight, bias], shape_of(out), dtype_of(out), **attributes)


def per_channel(array: Array, channels: int) -> Array | None:
    """Give one number for each channel, the last axis; None when the constant differs along another axis."""
    if array.size not in (1, channels) or (array.size > 1 and array.shape[-1] != channels):
        return None
    return np.ascontiguousarray(np.broadcast_to(array.ravel(), (channels,)))
