"""SmoothQuant: outliers of activations move into the weights that they meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, Editor
from .channel_statistics import largest_by_channel
from .channels import can_take, maker_of_channels, scale_channels
from .informed import InformedPass
from .linear import LinearLayer, largest_by_input, linear_layer, owns_weights, scale_inputs
from .record import note

_LARGEST_FACTOR: Final = 1e4
"""No channel is scaled by more: float32 keeps its seven digits, and other sums stay finite."""

_WORTH: Final = 0.01
"""Factors that are all this close to each other (in logarithm) move nothing worth a change of the model."""


class SmoothQuant(InformedPass):
    """Divides the input channels of MatMul and Gemm by factors, and multiplies the weights by them.

    Channel j is divided by s = max|x_j|^alpha / max|w_j|^(1 − alpha), the weights over all layers that take the same
    input (the queries, keys and values of an attention block); a channel that is zero in either stays. The division
    is folded into what makes the input: scale and bias of a normalization, a product with a constant, the weights of
    a layer before. The factors of an input have a geometric mean of 1. What the model computes stays. Source: Xiao et
    al., SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models, 2022, section 4.

    Where it cannot be folded (the input comes out of a Softmax or Gelu, or a residual sum uses it too) the input
    stays, unless `insert` asks for a Mul in front of the layers: an operator more at each call.
    """

    needs_ranges = True

    def __init__(self, alpha: float = 0.5, insert: bool = False) -> None:
        """`alpha`: how much of the outliers moves, from 0 (that of the weights moves back) to 1 (all).

        Raises:
            ValueError: when alpha is not between 0 and 1.
        """
        if isinstance(alpha, bool) or not 0.0 <= alpha <= 1.0:
            raise ValueError(f"alpha = {alpha!r}: expected a number from 0 to 1")
        self.alpha, self.insert = float(alpha), insert

    def rewrite(self, model: ir.Model) -> bool:
        """Smooth each value that layers take."""
        editor, changed = Editor(model), False
        taken: dict[ir.Value, list[LinearLayer]] = {}
        for node in model.graph:
            layer = linear_layer(node) if node.op_type in ("MatMul", "Gemm") else None
            if layer is not None:
                taken.setdefault(layer.node.inputs[0], []).append(layer)  # type: ignore[arg-type]  # layers have one
        for value, layers in taken.items():
            where = ", ".join(str(layer.node.name) for layer in layers)
            done = self._smooth(editor, value, layers)
            changed |= not done.startswith("left alone")
            note(model, "smooth_quant", where, done)
        return changed

    def _smooth(self, editor: Editor, value: ir.Value, layers: Sequence[LinearLayer]) -> str:
        """Smooth one value. Give what was done, or why it was left alone."""
        axis = layers[0].axis(value)
        if axis is None:
            return "left alone: the rank of its input is not known"
        if not all(owns_weights(layer) for layer in layers):
            return "left alone: it shares its weights"
        activations = largest_by_channel(self.ranges, value, axis)
        if activations is None or activations.size != layers[0].inputs:
            return f"left alone: calibration has no statistics of the channels of {value.name}"
        weights = np.maximum.reduce([largest_by_input(layer.matrix()) for layer in layers])
        if not np.isfinite(activations).all() or not np.isfinite(weights).all():
            return "left alone: its weights or inputs are not all finite"
        users = {id(user) for user, _ in value.uses()}
        channels = maker_of_channels(value, axis, can_take)
        if not isinstance(channels, str) and (value.is_graph_output() or users != {id(layer.node) for layer in layers}):
            channels = f"{value.name} has other users"
        if isinstance(channels, str) and not self.insert:
            return f"left alone: {channels}"
        repeat = 1 if isinstance(channels, str) else channels.repeat
        factors = self._factors(activations.reshape(-1, repeat).max(axis=1), weights.reshape(-1, repeat).max(axis=1))
        if np.ptp(np.log(factors)) <= _WORTH:
            return "left alone: its channels are alike"
        each = np.repeat(factors, repeat)
        if isinstance(channels, str):
            _insert(editor, value, layers, each)
            place = "a Mul of its own"
        else:
            scale_channels(editor, channels, 1 / factors)
            place = f"{channels.maker.op_type} {channels.maker.name}"
        for layer in layers:
            scale_inputs(editor, layer, each)
        return (
            f"{each.size} channels divided by {factors.min():.3g} to {factors.max():.3g} in {place}; widest channel "
            f"over the middle one: {_spread(activations):.3g}, now {_spread(activations / each):.3g}; of the weights "
            f"{_spread(weights):.3g}, now {_spread(weights * each):.3g}"
        )

    def _factors(self, activations: Array, weights: Array) -> Array:
        """Give the factors, float64[channels], with a geometric mean of 1; those of channels of zeros are 1."""
        factors = np.ones_like(activations)
        used = (activations > 0) & (weights > 0)
        if used.any():
            logs = self.alpha * np.log(activations[used]) - (1 - self.alpha) * np.log(weights[used])
            factors[used] = np.exp(np.clip(logs - logs.mean(), -np.log(_LARGEST_FACTOR), np.log(_LARGEST_FACTOR)))
        return factors


def _insert(editor: Editor, value: ir.Value, layers: Sequence[LinearLayer], factors: Array) -> None:
    stem = f"{value.name}/smoothed"
    first = layers[0].node
    inverse = editor.constant((1 / factors).astype(np.float32), f"{stem}/factor")
    smoothed = editor.node(first, "Mul", [value, inverse], stem=stem, like=value)
    for layer in layers:
        layer.node.replace_input_with(0, smoothed)


def _spread(ranges: Array) -> float:
    used = ranges[ranges > 0]
    return float(used.max() / np.median(used)) if used.size else 1.0
