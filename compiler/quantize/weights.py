"""Weights become integers: the places where rounding and biases can be chosen better than one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from .parameters import SMALLEST_SCALE, Parameters
from .ranges import TensorStatistics
from .scheme import Grid

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layer:
    """A node with a constant weight that becomes integers, and what is known when it does.

    `weight`: float32, as the node reads it; its channels of output lie along `channel_axis`. `parameters` are those of
    the weight. `activation` and `statistics` are the parameters and the calibrated values of what the weight is
    multiplied with; None where it stays float, or nothing was calibrated.
    """

    node: ir.Node
    weight: Array
    channel_axis: int | None
    parameters: Parameters
    activation: Parameters | None = None
    statistics: TensorStatistics | None = None


class Rounding(Protocol):
    """Chooses the integers of a weight."""

    def __call__(self, layer: Layer) -> Array:
        """Give integers of the weight's shape, within the grid of the parameters."""
        ...


class Correction(Protocol):
    """Chooses what is added to the bias of a layer because its weight became integers."""

    def __call__(self, layer: Layer, integers: Array) -> Array | None:
        """Give float32[channels of output], or None to add nothing."""
        ...


def nearest(layer: Layer) -> Array:
    """Round each weight to the nearest integer, ties to even."""
    return layer.parameters.quantize(layer.weight)


def no_correction(layer: Layer, integers: Array) -> None:
    """Leave the bias as it is."""


LARGEST_BIAS: Final = 2**30
"""Half of what int32 holds, so that a sum of products fits beside the bias."""

_BIAS_STEPS: Final = 2**20
"""Steps in which the bias of a channel without weights is written: more than float32 has digits for around an output of
eight or sixteen bits, and far from the ends of what a kernel's fixed-point multiplier can say."""


def by_channel(bias: Array, weight: Array, axis: int | None) -> Array:
    """Give a bias as float32[channels of output]; a single number stands for all of them.

    `axis`: that of the channels in the weight. A grouped transposed convolution has more channels than are along it.
    """
    channels = 1 if axis is None else weight.shape[axis]
    flat = bias.reshape(-1)
    return flat if flat.size >= channels else np.broadcast_to(flat, (channels,))


def fit_bias(parameters: Parameters, weight: Array, bias: Array, activation: Parameters) -> Parameters:
    """Give the parameters of a weight with which its bias fits int32 at the scale of activation times weight.

    A channel whose bias would overflow gets a wider scale. A channel of zeros, for which any scale is right, gets one
    that says its bias finely. `bias`: float32[channels of output].
    """
    magnitude = np.abs(bias.astype(np.float64))
    magnitude = (
        magnitude.reshape(-1, max(parameters.scale.size, 1)).max(axis=0)
        if parameters.axis is not None
        else (magnitude.max(initial=0.0))
    )
    needed = magnitude / (float(activation.scale) * LARGEST_BIAS)
    scale = np.maximum(parameters.scale.astype(np.float64), needed)
    others = None if parameters.axis is None else tuple(i for i in range(weight.ndim) if i != parameters.axis)
    empty = ~weight.any(axis=others) & (magnitude > 0)
    scale = np.where(empty, np.maximum(magnitude / (float(activation.scale) * _BIAS_STEPS), SMALLEST_SCALE), scale)
    return replace(parameters, scale=np.asarray(scale.astype(np.float32)))


def of_bias(weight: Parameters, activation: Parameters, grid: Grid, bias: Array) -> Parameters:
    """Give the parameters of a bias: the scale is that of activation times weight, the zero point 0."""
    scale = np.asarray((weight.scale * activation.scale).astype(np.float32))
    if scale.ndim:
        scale = np.tile(scale, bias.size // scale.size)
    return Parameters(
        grid=grid,
        scale=scale,
        zero_point=np.zeros(scale.shape, grid.dtype.numpy()),
        axis=0 if scale.ndim else None,
    )
