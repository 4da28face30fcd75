"""A model of integers that learns: what it trains is what ships.

The graph that `Quantize` made is said in PyTorch as it is, but for two things: a weight is a float that is quantized
at each call, and rounding lets gradients through as if it were not there (the straight-through estimator of Bengio et
al., Estimating or Propagating Gradients, 2013). Scales learn too (Esser et al., Learned Step Size Quantization, 2020),
as the logarithm of how much they grew, so that a step changes large and small ones alike. Zero points, and the scales
that kernels prescribe, stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from ...vocabulary.errors import RefusedError
from ..model import Model
from ..passes.editing import Array, Editor, constant_array, is_op
from ..quantize.scheme import Grid, Scheme
from ..quantize.weights import LARGEST_BIAS
from ..torch_graph.dtypes import array_from
from .function import Function, tensors
from .lesson import Computes
from .straight_through import let_gradients_through, nearest, rounded
from .weights import MULTIPLIED, arrays_of, learnable, put_back

_GROWTH: Final = "growth of "
"""Before the name of a scale: the natural logarithm of how much it grew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    """A constant of integers, the node that reads it as reals, and where these go: `user` takes them at `index`."""

    name: str
    reader: ir.Node
    user: ir.Node
    index: int

    @property
    def trained(self) -> str:
        """The name of the float that they are made of."""
        return f"{self.name}/trained"

    @property
    def scale(self) -> str:
        """The name of their scale."""
        return _name(self.reader.inputs[1])


class FakeQuantized:
    """A `Student` whose weights become integers at each call."""

    def __init__(self, model: Model, floats: ir.Model, scheme: Scheme) -> None:
        """`model` is what `Quantize` made of `floats` by a scheme; it is changed in place when the weights are put."""
        self.model, self._grid = model, scheme.weights
        self._weights = tuple(_weights(model.graph, scheme.weights))
        self._biases = tuple(_biases(model.graph))
        prescribed = _prescribed(model.graph, scheme)
        self._scales = {name: array for name, array in _scales(model.graph).items() if name not in _own(self._biases)}
        self._learned_scales = tuple(name for name in self._scales if name not in prescribed)
        known = {(node.name, index): value for node in floats.graph for index, value in enumerate(node.inputs)}
        start = arrays_of(learnable(model.graph))
        for weight in self._weights:
            array = constant_array(known.get((weight.user.name, weight.index)))
            reals = _reals(weight.reader)
            start[weight.trained] = array if array is not None and array.shape == reals.shape else reals
        start |= {bias.trained: _reals(bias.reader) for bias in self._biases}
        start |= {f"{_GROWTH}{name}": np.zeros_like(self._scales[name]) for name in self._learned_scales}
        self.start: Mapping[str, Array] = start

    def function(self, rows: Mapping[str, Array], tapped: tuple[str, ...]) -> Computes:
        """Give what it computes.

        Raises:
            RefusedError: when PyTorch cannot say some node; the message names it.
        """
        opened = self.model.ir.clone()
        editor, nodes = Editor(opened), {node.name: node for node in opened.graph}
        for weight in self._weights:
            _quantize_at_each_call(editor, nodes[weight.reader.name], self.start[weight.trained], weight.trained)
        for bias in self._biases:
            reader = nodes[bias.reader.name]
            reader.outputs[0].replace_all_uses_with(editor.constant(self.start[bias.trained], bias.trained))
            opened.graph.remove(reader, safe=True)
        taken = (*(name for name in self.start if not name.startswith(_GROWTH)), *self._scales)
        function = Function.of(replace(self.model, ir=opened), rows, weights=taken, tapped=tapped)
        places = {len(function.inputs) + taken.index(weight.trained) for weight in self._weights}
        let_gradients_through(function.module, places, self._grid)
        scales = tensors(self._scales)

        def computes(batch: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            grown = _grown(scales, weights)
            biases = {
                bias.trained: _as_stored(weights[bias.trained], _bias_scale(bias, grown)) for bias in self._biases
            }
            return function(batch, {**weights, **grown, **biases})

        return computes

    def put(self, weights: Mapping[str, Array]) -> None:
        """Let the scales be these, and the integers those that stand for these weights and biases.

        Raises:
            RefusedError: when a bias does not fit its integers any more.
        """
        scales = {name: array_from(scale) for name, scale in _grown(tensors(self._scales), tensors(weights)).items()}
        put_back(self.model.ir, scales)
        for weight in self._weights:
            put_back(self.model.ir, {weight.name: self._integers(weight, weights[weight.trained])})
        for bias in self._biases:
            scale = _bias_scale(bias, tensors(scales)).numpy()
            put_back(self.model.ir, {bias.name: _bias_integers(bias, weights[bias.trained], scale)})
            put_back(self.model.ir, {bias.scale: scale.reshape(_reals(bias.reader).shape if scale.ndim else ())})
        initializers = self.model.graph.initializers
        put_back(self.model.ir, {name: array for name, array in weights.items() if name in initializers})

    def _integers(self, weight: _Stored, trained: Array) -> Array:
        point = constant_array(weight.reader.inputs[2]) if len(weight.reader.inputs) > 2 else None
        found = nearest(
            torch.from_numpy(trained),
            torch.from_numpy(np.array(constant_array(weight.reader.inputs[1]))),
            None if point is None else torch.from_numpy(point.astype(np.float32)),
            weight.reader.attributes.get_int("axis", 1) % max(trained.ndim, 1),
            weight.reader.attributes.get_int("block_size", 0),
            self._grid.lowest,
            self._grid.highest,
        )
        return found.numpy()


def _grown(scales: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give scales with what they grew by."""
    grown = {name: weights.get(f"{_GROWTH}{name}") for name in scales}
    return {name: scale if (growth := grown[name]) is None else scale * growth.exp() for name, scale in scales.items()}


def _name(value: ir.Value | None) -> str:
    assert value is not None
    return str(value.name)


def _stored(graph: ir.Graph) -> Iterator[_Stored]:
    for reader in graph:
        if is_op(reader, "DequantizeLinear") and constant_array(reader.inputs[0]) is not None:
            uses = tuple(reader.outputs[0].uses())
            if len(uses) == 1:
                yield _Stored(name=_name(reader.inputs[0]), reader=reader, user=uses[0][0], index=uses[0][1])


def _weights(graph: ir.Graph, grid: Grid) -> Iterator[_Stored]:
    for stored in _stored(graph):
        tensor = stored.reader.inputs[0]
        multiplied = stored.index in MULTIPLIED.get(stored.user.op_type, ()) and stored.user.domain == ""
        if multiplied and tensor is not None and tensor.dtype == grid.dtype:
            yield stored


def _biases(graph: ir.Graph) -> Iterator[_Stored]:
    """Give biases in int32 between two operands whose scales make theirs."""
    for stored in _stored(graph):
        tensor = stored.reader.inputs[0]
        operands = [value.producer() if value is not None else None for value in stored.user.inputs[:2]]
        is_sum = all(is_op(maker, "DequantizeLinear") for maker in operands) and stored.index == 2
        if is_sum and tensor is not None and tensor.dtype == ir.DataType.INT32:
            yield stored


def _own(biases: tuple[_Stored, ...]) -> set[str]:
    return {bias.scale for bias in biases}


def _scales(graph: ir.Graph) -> dict[str, Array]:
    """Give the scales of a graph, one that several tensors share once."""
    readers = (node for node in graph if is_op(node, "QuantizeLinear", "DequantizeLinear"))
    values = dict.fromkeys(node.inputs[1] for node in readers)
    return arrays_of(value for value in values if value is not None)


def _prescribed(graph: ir.Graph, scheme: Scheme) -> set[str]:
    """Give the scales that kernels fix."""
    found = set()
    for node in graph:
        maker = node.inputs[0].producer() if is_op(node, "QuantizeLinear") and node.inputs[0] is not None else None
        rule = scheme.ops.get(maker.op_type) if maker is not None else None
        if rule is not None and rule.fixed is not None:
            found.add(_name(node.inputs[1]))
    return found


def _reals(reader: ir.Node) -> Array:
    """Give what a DequantizeLinear of constants gives: (integers − zero point) · scale, float32."""
    integers, scale = constant_array(reader.inputs[0]), constant_array(reader.inputs[1])
    assert integers is not None
    assert scale is not None
    point = constant_array(reader.inputs[2]) if len(reader.inputs) > 2 else None
    axis = reader.attributes.get_int("axis", 1) % max(integers.ndim, 1)
    block = reader.attributes.get_int("block_size", 0)

    def over(part: Array) -> Array:
        if block:
            return np.repeat(part, block, axis).take(range(integers.shape[axis]), axis)
        return part if part.ndim == 0 else part.reshape([-1 if at == axis else 1 for at in range(integers.ndim)])

    steps = integers.astype(np.int64) - (0 if point is None else over(point.astype(np.int64)))
    reals: Array = (steps * over(scale)).astype(np.float32)
    return reals


def _quantize_at_each_call(editor: Editor, reader: ir.Node, trained: Array, name: str) -> None:
    """Let a DequantizeLinear read a float constant that is quantized in front of it.

    In int8, which PyTorch has; the ends of smaller integers are set where it is said (`let_gradients_through`).
    """
    integers, scale = reader.inputs[0], reader.inputs[1]
    assert integers is not None
    assert scale is not None
    shape = () if scale.shape is None else scale.shape.numpy()
    point = constant_array(reader.inputs[2]) if len(reader.inputs) > 2 else np.zeros([int(size) for size in shape])
    assert point is not None
    stored = editor.constant(point.astype(np.int8), f"{name}/zero_point")
    weight = editor.constant(np.array(trained), name)
    attributes = {key: reader.attributes.get_int(key, 0) for key in ("axis", "block_size") if key in reader.attributes}
    found = editor.node(reader, "QuantizeLinear", [weight, scale, stored], attributes, stem=f"{name}/quantize")
    found.type, found.shape = ir.TensorType(ir.DataType.INT8), ir.Shape(trained.shape)
    reader.replace_input_with(0, found)
    reader.resize_inputs(3)
    reader.replace_input_with(2, stored)


def _bias_scale(bias: _Stored, scales: Mapping[str, Tensor]) -> Tensor:
    """Give the scale of a bias: that of what is multiplied, times that of the weight; one a channel, or one for all."""
    makers = [value.producer() if value is not None else None for value in bias.user.inputs[:2]]
    first, second = (scales[_name(maker.inputs[1])] for maker in makers if maker is not None)
    product = (first * second).reshape(-1)
    channels = _reals(bias.reader).size
    return product.reshape(()) if product.numel() == 1 else product.repeat(channels // product.numel())


def _as_stored(bias: Tensor, scale: Tensor) -> Tensor:
    """Give the reals that the integers of a bias stand for."""
    return rounded(bias / scale) * scale


def _bias_integers(bias: _Stored, trained: Array, scale: Array) -> Array:
    """Give the integers of a bias, int32.

    Raises:
        RefusedError: when one is too large for them.
    """
    integers = np.rint(trained / scale)
    if np.abs(integers).max(initial=0) > LARGEST_BIAS:
        raise RefusedError(
            f"qat: what was learned makes the bias of {bias.user.name} too large for int32",
            hint="take a smaller learning_rate",
        )
    return integers.astype(np.int32)
