"""Activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Arguments, Array
from .error_function import erf
from .operation import Implementation
from .precision import widened
from .rounding import rounded


def _activation(function: Callable[[Array, Arguments], Any]) -> Implementation:
    """Compute a function of `x` in float32 at least."""

    def implementation(a: Arguments) -> Array:
        return rounded(function(widened(a["x"]), a), a["x"].dtype)

    return implementation


def _plain(function: Callable[[Array], Any]) -> Implementation:
    """Compute a function of `x` that has no parameters."""
    return _activation(lambda x, _: function(x))


def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)))


def softplus(x: Array) -> Array:
    """Compute log(1 + exp(x)) without overflow."""
    return np.asarray(np.logaddexp(np.zeros((), x.dtype), x))


def softmax(x: Array, axis: int) -> Array:
    """Compute exp(x) / sum(exp(x)) along an axis."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def gelu(x: Array, mode: str) -> Array:
    """Compute the Gaussian error linear unit.

    Raises:
        ValueError: when the mode is none of the documented ones.
    """
    if mode == "EXACT":
        return (0.5 * x * (1 + erf(x / math.sqrt(2)))).astype(x.dtype)
    if mode == "TANH_APPROXIMATION":
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    if mode == "SIGMOID_APPROXIMATION":
        return x * sigmoid(1.702 * x)
    raise ValueError(f"unknown mode {mode!r}")


def _by_channel(a: Arguments, name: str) -> Array:
    """Give a parameter [C] so that it goes with axis 1 of `x`."""
    parameter, rank = widened(a[name]), a["x"].ndim
    if parameter.ndim != 1 or rank < 2:
        raise ValueError(f"{name} has {parameter.ndim} axes and x {rank}; expected [C] and [B, C, …]")
    return parameter.reshape(-1, *[1] * (rank - 2))


def _clamped_relu(x: Array, a: Arguments) -> Array:
    return np.asarray(np.minimum(np.where(x >= 0, x, a.real("alpha") * x), x.dtype.type(a.real("beta"))))


OPERATIONS: dict[str, Implementation] = {
    "clamped_relu": _activation(_clamped_relu),
    "elu": _activation(lambda x, a: np.where(x > 0, x, a.real("alpha") * np.expm1(np.minimum(x, 0)))),
    "gelu": _activation(lambda x, a: gelu(x, a.text("mode", "EXACT"))),
    "leaky_relu": _activation(lambda x, a: np.where(x >= 0, x, a.real("alpha") * x)),
    "linear_activation": _activation(lambda x, a: x * a.real("alpha") + a.real("beta")),
    "prelu": _activation(lambda x, a: np.where(x > 0, x, _by_channel(a, "alpha") * x)),
    "relu": _plain(lambda x: np.maximum(x, 0)),
    "relu6": _plain(lambda x: np.minimum(np.maximum(x, 0), 6)),
    "scaled_tanh": _activation(lambda x, a: a.real("alpha") * np.tanh(x * a.real("beta"))),
    "sigmoid": _plain(sigmoid),
    "sigmoid_hard": _activation(lambda x, a: np.clip(x * a.real("alpha") + a.real("beta"), 0, 1)),
    "silu": _plain(lambda x: x * sigmoid(x)),
    "softmax": _activation(lambda x, a: softmax(x, a.integer("axis", -1))),
    "softplus": _plain(softplus),
    "softplus_parametric": _activation(lambda x, a: _by_channel(a, "alpha") * softplus(x * _by_channel(a, "beta"))),
    "softsign": _plain(lambda x: x / (1 + np.abs(x))),
    "thresholded_relu": _activation(lambda x, a: np.where(x >= a.real("alpha"), x, 0)),
}
