"""SecondOrder: integers of weights chosen together, so that the layer's output errs least."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ..passes.editing import Array
from .linear import weight_order
from .moments import LARGEST_SIZE
from .weights import Layer, nearest

DAMPING: Final = 0.01
"""What is added to the diagonal of H, as a part of its mean: directions that few rows showed are not trusted. The
value that the paper uses for all of its models."""

_COLUMNS_AT_A_TIME: Final = 128
"""Errors are handed on to far columns in blocks of this many, by one product: the same sums, in less time."""


class SecondOrder:
    """Rounds the weights of a layer one input at a time, and hands each one's error on to those not yet rounded.

    Minimises ‖(W − Wq) X‖² for each output channel, with H = E[x xᵀ] of the inputs x (the patches of a convolution) of
    the calibration rows. Input i is rounded to its nearest integer; what that did to the output is taken back by
    w_j −= (w_i − wq_i) / U_ii · U_ij for the inputs j behind it, U the upper Cholesky factor of H⁻¹. Inputs go in the
    order of their second moment, the largest first. An output channel for which plain rounding has the smaller error on
    the same rows keeps that. Sources: Frantar et al., GPTQ, 2022, algorithm 1, and for the order its published code;
    Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, 2020, section 3.1, for the objective.

    Scales stay as they were given, and every integer within its grid.
    """

    def __init__(self, moments: Mapping[str, Array], say: Callable[[str, str], None]) -> None:
        """`moments`: name of the weight → float[groups, n, n], as `second_moments` gives them.

        `say` is told the name of each node and what was done there.
        """
        self._moments, self._say = moments, say

    def __call__(self, layer: Layer) -> Array:
        """Give integers of the weight's shape; the nearest ones where nothing is known of the inputs."""
        plain = nearest(layer)
        where = str(layer.node.name)
        order = weight_order(layer.node, layer.weight.shape)
        moments = self._of(layer)
        if order is None:
            self._say(
                where, f"rounded to nearest: {layer.node.op_type} is no Conv, Gemm or MatMul with constant weights"
            )
            return plain
        size = math.prod(order.shape) // order.outputs
        if moments is None:
            large = f", more than {LARGEST_SIZE} are too many" if size > LARGEST_SIZE else ""
            self._say(where, f"rounded to nearest: there are no second moments of its {size} inputs{large}")
            return plain
        scale, zero_point = (
            order.arranged(np.broadcast_to(part.astype(np.float64), layer.weight.shape))
            for part in layer.parameters.over(layer.weight)
        )
        weights = order.arranged(layer.weight.astype(np.float64))
        shape = weights.shape
        weights, scale, zero_point = (part.reshape(*shape[:2], -1) for part in (weights, scale, zero_point))
        grid, hessian = layer.parameters.grid, moments.astype(np.float64)
        chosen = _sequential(weights, scale, zero_point, _damped(hessian), grid.lowest, grid.highest)
        fallback = order.arranged(plain).reshape(chosen.shape)
        before, after = (_errors(weights - (found - zero_point) * scale, hessian) for found in (fallback, chosen))
        better = after < before
        result = np.where(better[..., None], chosen, fallback)
        signal = float(_errors(weights, hessian).sum())
        self._say(
            where,
            f"second-order rounding in {int(better.sum())} of {better.size} channels: expected noise of the output "
            f"{_decibel(float(before.sum()), signal)}, now {_decibel(float(np.minimum(before, after).sum()), signal)}",
        )
        integers: Array = order.stored(result.reshape(shape)).astype(np.int32)
        return integers

    def _of(self, layer: Layer) -> Array | None:
        weight = layer.node.inputs[1] if len(layer.node.inputs) > 1 else None
        name = None if weight is None else weight.name
        return self._moments[name] if name is not None and name in self._moments else None


def _damped(hessian: Array) -> Array:
    """Give H that can be inverted: inputs that were always zero get a moment of 1, all others a little more."""
    damped = hessian.copy()
    diagonal = np.einsum("gii->gi", damped)  # a view
    mean = diagonal.mean(axis=1, keepdims=True)
    diagonal[diagonal <= 0] = 1.0
    diagonal += np.where(mean > 0, DAMPING * mean, 1.0)
    return damped


def _sequential(weights: Array, scale: Array, zero_point: Array, hessian: Array, lowest: int, highest: int) -> Array:
    """Round column by column. The first three are float64[groups, outputs, n], hessian is float64[groups, n, n]."""
    count = weights.shape[2]
    order = np.argsort(-np.einsum("gii->gi", hessian), axis=1, kind="stable")
    columns = order[:, None, :]
    left, scale, zero_point = (np.take_along_axis(part, columns, axis=2) for part in (weights, scale, zero_point))
    sorted_rows = np.take_along_axis(hessian, order[:, :, None], axis=1)
    inverse = np.linalg.inv(np.take_along_axis(sorted_rows, columns, axis=2))
    factor = np.linalg.cholesky((inverse + inverse.transpose(0, 2, 1)) / 2).transpose(0, 2, 1)
    integers = np.empty_like(left)
    errors = np.empty_like(left)
    for start in range(0, count, _COLUMNS_AT_A_TIME):
        stop = min(start + _COLUMNS_AT_A_TIME, count)
        for at in range(start, stop):
            column = left[:, :, at]
            found = np.clip(np.rint(column / scale[:, :, at]) + zero_point[:, :, at], lowest, highest)
            real = (found - zero_point[:, :, at]) * scale[:, :, at]
            integers[:, :, at] = found
            errors[:, :, at] = (column - real) / factor[:, at, at][:, None]
            left[:, :, at + 1 : stop] -= errors[:, :, at, None] * factor[:, None, at, at + 1 : stop]
        left[:, :, stop:] -= errors[:, :, start:stop] @ factor[:, start:stop, stop:]
    result = np.empty_like(integers)
    np.put_along_axis(result, np.broadcast_to(columns, result.shape), integers, axis=2)
    return result


def _errors(difference: Array, hessian: Array) -> Array:
    """Give the expected square of each output, float64[groups, outputs], of weights of this much."""
    errors: Array = ((difference @ hessian) * difference).sum(axis=2)
    return errors


def _decibel(noise: float, signal: float) -> str:
    return f"{10 * np.log10(noise / signal):.1f} dB" if noise > 0 and signal > 0 else "none"
