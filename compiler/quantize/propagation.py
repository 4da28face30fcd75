"""How the noise of quantized tensors grows on its way through a model, told from histograms.

Noise is taken as independent of the values and of other noise, and small: behind y = f(x) its power is that in front
of it times E[f'(x)²]. For sums, products, means and functions of one value that is written out below; other operators
are taken to keep the ratio of noise to power. It is an estimate for the arithmetic between two layers: it finds what
drowns there, and ranks nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, constant_array, is_op
from .noise import Bins
from .ranges import TensorStatistics

_KEEPS: Final = frozenset(
    {
        *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Concat", "Expand", "Identity"),
        *("Pad", "Gather", "Tile", "MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Max", "Min", "Relu", "Clip"),
        *("DepthToSpace", "SpaceToDepth", "Resize"),
    }
)
"""Operators that hand values on as they are."""

_LAYERS: Final = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators behind which noise is no longer followed: sums of many products average it out, by an amount that
histograms do not tell."""

_FUNCTIONS: Final[Mapping[str, Callable[[Array], Array]]] = {
    "Sqrt": np.sqrt,
    "Reciprocal": lambda x: 1 / x,
    "Exp": np.exp,
    "Log": np.log,
    "Tanh": np.tanh,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}

_MOST_POWER: Final = 1e30
"""Noise beyond this is no longer told apart; products of it stay finite."""


class Values:
    """What is known of the values of each tensor."""

    def __init__(self, statistics: Callable[[ir.Value], TensorStatistics | None]) -> None:
        """`statistics` gives what calibration found of a tensor."""
        self._statistics = statistics
        self._bins: dict[ir.Value, Bins | None] = {}

    def bins(self, value: ir.Value) -> Bins | None:
        """Give the histogram of a computed tensor."""
        if value not in self._bins:
            found = self._statistics(value)
            usable = found is not None and found.count > 0 and math.isfinite(found.low) and math.isfinite(found.high)
            self._bins[value] = Bins.of(found) if found is not None and usable else None
        return self._bins[value]

    def power(self, value: ir.Value) -> float | None:
        """Give the mean of the squares."""
        array = constant_array(value)
        if array is not None:
            return float(np.mean(np.square(array, dtype=np.float64))) if array.size else 0.0
        bins = self.bins(value)
        return None if bins is None else bins.power

    def variance(self, value: ir.Value) -> float | None:
        """Give the power around the mean: what a tensor can tell."""
        bins = self.bins(value)
        return None if bins is None else max(bins.power - float(np.sum(bins.share * bins.middle)) ** 2, 0.0)


def propagate(
    graph: ir.Graph, values: Values, sources: Mapping[ir.Value, float]
) -> Mapping[ir.Value, Mapping[ir.Value, float]]:
    """Give for each tensor the power of the noise in it, by the source that it comes from.

    `sources`: quantized tensors, with the power of their own noise.
    """
    noise: dict[ir.Value, dict[ir.Value, float]] = {}
    for source in graph.inputs:
        if source in sources:
            noise[source] = {source: sources[source]}
    for node in graph:
        for output in node.outputs:
            found: dict[ir.Value, float] = {}
            for index, value in enumerate(node.inputs):
                if value is None or not noise.get(value):
                    continue
                gain = _gain(node, index, output, values)
                for origin, power in noise[value].items():
                    found[origin] = min(found.get(origin, 0.0) + power * gain, _MOST_POWER)
            if output in sources:
                found[output] = found.get(output, 0.0) + sources[output]
            noise[output] = found
    return noise


def _gain(node: ir.Node, index: int, output: ir.Value, values: Values) -> float:
    """By what the power of noise at an input is multiplied on its way to the output."""
    value = node.inputs[index]
    assert value is not None
    if is_op(node, *_LAYERS):
        return 0.0
    if is_op(node, "Add", "Sub", "Sum", *_KEEPS):
        return 1.0
    if is_op(node, "Mul"):
        other = node.inputs[1 - index]
        power = values.power(other) if other is not None else None
        if power is not None:
            return 2 * power if other is value else power  # twice for each of two equal inputs: (2x)²
    if is_op(node, "ReduceMean", "ReduceSum", "GlobalAveragePool"):
        count = _count(value, output)
        if count is not None:
            return float(count) if is_op(node, "ReduceSum") else 1 / count
    if is_op(node, "Softmax"):
        return values.power(output) or 0.0  # dp = p · (dx − Σ p · dx)
    if is_op(node, "LogSoftmax"):
        return 1.0
    function = _FUNCTIONS.get(node.op_type) if node.domain == "" else None
    bins = values.bins(value)
    if function is not None and bins is not None:
        return _slope(function, bins)
    return _ratio(value, output, values)


def _slope(function: Callable[[Array], Array], bins: Bins) -> float:
    """E[f'(x)²], the slope in each bin by its ends."""
    width = np.maximum(bins.high - bins.low, 1e-6 * np.abs(bins.middle) + 1e-30)
    with np.errstate(all="ignore"):
        slope = (function(bins.middle + width / 2) - function(bins.middle - width / 2)) / width
        power = float(np.sum(bins.share * np.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0) ** 2))
    return min(power, _MOST_POWER)


def _ratio(value: ir.Value, output: ir.Value, values: Values) -> float:
    before, after = values.power(value), values.power(output)
    return after / before if before and after is not None else 0.0


def _count(value: ir.Value, output: ir.Value) -> int | None:
    """How many elements are reduced to one; open dimensions are the same on both sides."""
    before, after = value.shape, output.shape
    if before is None or after is None:
        return None
    first, last = (math.prod(size for size in shape if isinstance(size, int)) for shape in (before, after))
    return max(first // last, 1) if last else None


def snr_db(signal: float, noise: float) -> float:
    """Give the ratio of two powers in decibels."""
    return math.inf if noise <= 0 else 10 * math.log10(signal / noise) if signal > 0 else -math.inf
