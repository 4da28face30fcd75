"""Equalize: weights of neighbouring layers are brought to one range, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, Editor, only_user
from .channel_statistics import largest_by_channel
from .channels import Channels, is_linear, maker_of_channels, scale_channels
from .informed import InformedPass
from .linear import (
    LinearLayer,
    largest_by_input,
    largest_by_output,
    linear_layer,
    owns_weights,
    scale_inputs,
)
from .record import note

_MOST_SWEEPS: Final = 100
_SETTLED: Final = 0.01
"""The sweeps end when no factor moves by more than this part: far below the step of an 8-bit weight range (1/127 of
the largest weight, and only the largest of a channel moves by the whole of it)."""

_LARGEST_FACTOR: Final = 1e4
"""No channel is scaled by more: float32 keeps its seven digits, and the layer's other sums stay finite."""

_NEARLY_CONSTANT: Final = 100.0
"""A channel whose bias is this many times its largest weight says the same for every input. Scaling its weights up
to those of its neighbours would blow up the bias and with it the range of the activations."""


class Equalize(InformedPass):
    """Scales channels between two layers so that both use their range; what the model computes stays.

    Between layers 1 and 2 stand only operators with f(s · x) = s · f(x). Channel c of layer 1 is divided by
    s = sqrt(r1 / r2), and layer 2 multiplied by it, so that both ranges become sqrt(r1 · r2): the largest weight of
    the output channel of layer 1 and of the input channel of layer 2. Repeated over all pairs until it settles. A
    channel with a range of zero stays. Source: Nagel et al., Data-Free Quantization Through Weight Equalization and
    Bias Correction, 2019, section 4.1.

    With `by = "activations"` r1 is the largest activation that calibration saw in the channel instead: the better
    measure where weights have a scale a channel anyway, so that only the activations between suffer.

    A Clip (Relu6) between the layers would cut at another place once its input is scaled: such pairs stay as they are.
    """

    def __init__(self, by: str = "weights") -> None:
        """`by`: what the ranges of the first layer are, "weights" or "activations".

        Raises:
            ValueError: when it is neither.
        """
        if by not in ("weights", "activations"):
            raise ValueError(f'by = {by!r}: expected "weights" or "activations"')
        self.by = by
        self.needs_ranges = by == "activations"

    def rewrite(self, model: ir.Model) -> bool:
        """Find the pairs, settle their factors, and scale each pair once."""
        pairs = self._pairs(model)
        weights = {id(layer.node): np.abs(layer.matrix()) for pair in pairs for layer in (pair.first, pair.second)}
        before = [pair.second_range(weights) for pair in pairs]
        for _ in range(_MOST_SWEEPS):
            if max((pair.sweep(weights) for pair in pairs), default=0.0) <= _SETTLED:
                break
        editor, changed = Editor(model), False
        for pair, was in zip(pairs, before, strict=True):
            if np.abs(np.log(pair.factors)).max() <= _SETTLED:
                continue
            scale_channels(editor, pair.between, 1 / pair.factors)
            scale_inputs(editor, pair.second, np.repeat(pair.factors, pair.between.repeat))
            note(
                model,
                "equalize",
                f"{pair.first.node.name} → {pair.second.node.name}",
                f"{pair.factors.size} channels by {pair.factors.min():.3g} to {pair.factors.max():.3g}; widest input "
                f"channel of the second over its middle one: {_spread(was):.3g}, now "
                f"{_spread(pair.second_range(weights)):.3g}",
            )
            changed = True
        return changed

    def _pairs(self, model: ir.Model) -> list[_Pair]:
        pairs = []
        for node in model.graph:
            second = linear_layer(node)
            if second is None:
                continue
            found = self._pair(second)
            if isinstance(found, str):
                note(model, "equalize", str(node.name), f"left alone: {found}")
            else:
                pairs.append(found)
        return pairs

    def _pair(self, second: LinearLayer) -> _Pair | str:
        value = second.node.inputs[0]
        assert value is not None
        axis = second.axis(value)
        if axis is None:
            return "the rank of its input is not known"
        if only_user(value) is not second.node:
            return f"{value.name} has other users"
        between = maker_of_channels(value, axis, is_linear)
        if isinstance(between, str):
            return between
        first = linear_layer(between.maker)
        assert first is not None
        if not owns_weights(second):
            return "it shares its weights"
        if first.outputs * between.repeat != second.inputs:
            return "its channels are not those of the layer before"
        if not all(np.isfinite(layer.matrix()).all() for layer in (first, second)):
            return "its weights are not all finite"
        activations = None
        if self.by == "activations":
            largest = largest_by_channel(self.ranges, value, axis)
            if largest is None or largest.size != second.inputs:
                return f"calibration has no statistics of the channels of {value.name}"
            activations = between.gathered(largest)
        return _Pair(
            first=first,
            between=between,
            second=second,
            activations=activations,
            biases=_biases(first),
            factors=np.ones(first.outputs),
        )


@dataclass(kw_only=True, slots=True)
class _Pair:
    """Two layers, the channels between them, and what they have been scaled by."""

    first: LinearLayer
    between: Channels
    second: LinearLayer
    activations: Array | None
    biases: Array
    """float64[channels]: the largest magnitude that the first adds in each, as the model came."""
    factors: Array
    """float64[channels]: what the channels are divided by."""

    def second_range(self, weights: dict[int, Array]) -> Array:
        return self.between.gathered(largest_by_input(weights[id(self.second.node)]))

    def sweep(self, weights: dict[int, Array]) -> float:
        """Bring both to one range by the weights as they are now. Give the logarithm of the factor that moved most."""
        one, two = weights[id(self.first.node)], weights[id(self.second.node)]
        outgoing, range2 = largest_by_output(one), self.second_range(weights)
        range1 = outgoing if self.activations is None else self.activations / self.factors
        moving = (range1 > 0) & (range2 > 0) & (self.biases / self.factors <= _NEARLY_CONSTANT * outgoing)
        step = np.ones_like(self.factors)
        step[moving] = np.sqrt(range1[moving] / range2[moving])
        wanted = np.clip(self.factors * step, 1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
        step, self.factors = wanted / self.factors, wanted
        one /= step.reshape(*one.shape[:2], 1, 1)
        two *= np.repeat(step, self.between.repeat).reshape(two.shape[0], 1, two.shape[2], 1)
        return float(np.abs(np.log(step)).max())


def _biases(layer: LinearLayer) -> Array:
    bias = layer.node.inputs[2] if layer.has_bias else None
    if bias is None or bias.const_value is None:
        return np.zeros(layer.outputs)
    sizes = np.abs(bias.const_value.numpy().astype(np.float64))
    largest: Array = np.broadcast_to(sizes, np.broadcast_shapes(sizes.shape, (1, layer.outputs))).max(axis=0)
    return largest


def _spread(ranges: Array) -> float:
    used = ranges[ranges > 0]
    return float(used.max() / np.median(used)) if used.size else 1.0
