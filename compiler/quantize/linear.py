"""Layers that multiply by constant weights, seen alike: Conv, Gemm and MatMul."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, Editor, constant_tensor, is_op, tensor_shape


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightOrder:
    """How the weights of a layer of `inputs` channels into `outputs`, in `groups`, are stored.

    `transposed`: the output channels lie behind the input channels.
    """

    shape: tuple[int, ...]
    groups: int
    outputs: int
    inputs: int
    transposed: bool

    def arranged(self, stored: Array) -> Array:
        """Give an array of the stored shape as [groups, outputs / groups, inputs / groups, positions of the kernel]."""
        ordered = stored.T if self.transposed else stored
        return ordered.reshape(self.groups, self.outputs // self.groups, self.inputs // self.groups, -1)

    def stored(self, matrix: Array) -> Array:
        """Put what `arranged` gave back in the order in which the weights are stored."""
        return matrix.reshape(self.shape[::-1]).T if self.transposed else matrix.reshape(self.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearLayer:
    """A Conv, Gemm or MatMul with constant weights as input 1.

    Channels of a Conv are axis 1 of what goes in and comes out, those of Gemm and MatMul the last axis.
    """

    node: ir.Node
    weight: ir.Value
    order: WeightOrder

    @property
    def outputs(self) -> int:
        """The number of output channels."""
        return self.order.outputs

    @property
    def inputs(self) -> int:
        """The number of input channels."""
        return self.order.inputs

    def matrix(self) -> Array:
        """Give the weights as float64[groups, outputs / groups, inputs / groups, positions of the kernel]."""
        assert self.weight.const_value is not None
        return self.order.arranged(self.weight.const_value.numpy().astype(np.float64))

    @property
    def has_bias(self) -> bool:
        """Whether the node itself adds something."""
        return len(self.node.inputs) > 2 and self.node.inputs[2] is not None

    def axis(self, value: ir.Value) -> int | None:
        """Give the axis of the channels in the value that goes in or the one that comes out; None for unknown ranks."""
        if value.shape is None:
            return None
        return 1 if self.node.op_type == "Conv" else len(value.shape) - 1


def weight_order(node: ir.Node, shape: tuple[int, ...]) -> WeightOrder | None:
    """Give how weights of this shape lie in a Conv, Gemm or MatMul; None when it is none of the three."""
    if not is_op(node, "Conv", "Gemm", "MatMul") or math.prod(shape) == 0:
        return None
    if node.op_type == "Conv":
        groups = node.attributes.get_int("group", 1)
        return WeightOrder(shape=shape, groups=groups, outputs=shape[0], inputs=shape[1] * groups, transposed=False)
    if len(shape) != 2 or node.attributes.get_int("transA", 0) != 0:
        return None
    if node.op_type == "Gemm" and node.attributes.get_int("transB", 0) != 0:
        return WeightOrder(shape=shape, groups=1, outputs=shape[0], inputs=shape[1], transposed=False)
    return WeightOrder(shape=shape, groups=1, outputs=shape[1], inputs=shape[0], transposed=True)


def linear_layer(node: ir.Node | None) -> LinearLayer | None:
    """Give the node as a layer; None when it is none, or its weights are not float32 constants."""
    if node is None or len(node.inputs) < 2 or node.inputs[0] is None:
        return None
    weight = node.inputs[1]
    tensor = constant_tensor(weight)
    if weight is None or tensor is None or tensor.dtype != ir.DataType.FLOAT:
        return None
    order = weight_order(node, tensor_shape(tensor))
    return None if order is None else LinearLayer(node=node, weight=weight, order=order)


def owns_weights(layer: LinearLayer) -> bool:
    """Whether nothing else uses its weights, so that scaling them does not store them twice."""
    return len(tuple(layer.weight.uses())) == 1


def scale_outputs(editor: Editor, layer: LinearLayer, factors: Array) -> None:
    """Multiply what the layer gives in each output channel, its own bias included. factors: float64[outputs]."""
    matrix = layer.matrix()
    matrix *= factors.reshape(*matrix.shape[:2], 1, 1)
    put_constant(editor, layer.node, 1, layer.order.stored(matrix))
    if layer.has_bias:
        bias = layer.node.inputs[2]
        assert bias is not None
        assert bias.const_value is not None
        put_constant(editor, layer.node, 2, bias.const_value.numpy() * factors)


def scale_inputs(editor: Editor, layer: LinearLayer, factors: Array) -> None:
    """Multiply the weights of each input channel. factors: float64[inputs]."""
    matrix = layer.matrix()
    matrix *= factors.reshape(matrix.shape[0], 1, matrix.shape[2], 1)
    put_constant(editor, layer.node, 1, layer.order.stored(matrix))


def largest_by_output(matrix: Array) -> Array:
    """Give the largest magnitude of the weights of each output channel, float64[outputs]."""
    largest: Array = np.abs(matrix).max(axis=(2, 3)).reshape(-1)
    return largest


def largest_by_input(matrix: Array) -> Array:
    """Give the largest magnitude of the weights of each input channel, float64[inputs]."""
    largest: Array = np.abs(matrix).max(axis=(1, 3)).reshape(-1)
    return largest


def put_constant(editor: Editor, node: ir.Node, index: int, array: Array) -> None:
    """Let an input of the node, a float32 constant, be this array rounded to float32.

    It keeps its name; where others use it too they keep what they had, and the new one gets a name of its own.
    """
    value = node.inputs[index]
    assert value is not None
    rounded = np.ascontiguousarray(array, dtype=np.float32)
    if len(tuple(value.uses())) == 1 and not value.is_graph_output():
        value.const_value = ir.tensor(rounded, name=value.name)
        value.shape = ir.Shape(rounded.shape)
    else:
        node.replace_input_with(index, editor.constant(rounded, f"{value.name}/scaled"))
