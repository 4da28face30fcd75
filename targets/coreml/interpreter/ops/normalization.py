"""Normalizations: each gives the dtype of `x`, and computes in float32 where that is float16."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened


def batch_norm(a: Arguments) -> Array:
    """Normalize `x: [N, C, *D]` by the given `mean` and `variance: [C]`, then scale and shift each channel."""
    x = a["x"]
    wide = widened(x)
    root = np.sqrt(_channels(a["variance"], x.ndim) + np.float32(a.real("epsilon", 1e-5)))
    return _affine(a, (wide - _channels(a["mean"], x.ndim)) / root)


def instance_norm(a: Arguments) -> Array:
    """Normalize each channel of each item of `x: [N, C, *D]` by its own mean and variance."""
    return _affine(a, _standardized(widened(a["x"]), tuple(range(2, a["x"].ndim)), a.real("epsilon", 1e-5)))


def layer_norm(a: Arguments) -> Array:
    """Normalize over `axes`, all by default; `gamma` and `beta` have the sizes of these axes, in the order of `x`."""
    x = a["x"]
    axes = sorted({axis % x.ndim for axis in a.ints("axes", range(x.ndim))})
    sizes = tuple(x.shape[axis] for axis in axes)
    y = _standardized(widened(x), tuple(axes), a.real("epsilon", 1e-5))
    shape = tuple(size if axis in axes else 1 for axis, size in enumerate(x.shape))
    for name in ("gamma", "beta"):
        factor = a.get(name)
        if factor is not None and factor.shape != sizes:
            raise ValueError(f"{name} is {factor.shape}, the axes are {sizes}")
    gamma, beta = a.get("gamma"), a.get("beta")
    y = y if gamma is None else y * widened(gamma).reshape(shape)
    return narrowed(y if beta is None else y + widened(beta).reshape(shape), x.dtype)


def l2_norm(a: Arguments) -> Array:
    """Divide by the root of the sum of the squares over the last three axes and `epsilon`."""
    x = a["x"]
    if x.ndim < 3:
        raise ValueError(f"rank {x.ndim} is less than 3")
    wide = widened(x)
    total = np.square(wide).sum(axis=(-3, -2, -1), keepdims=True)
    return narrowed(wide / np.sqrt(total + np.float32(a.real("epsilon", 1e-6))), x.dtype)


def local_response_norm(a: Arguments) -> Array:
    """Divide by `(k + alpha / size * sum of squares over size channels) ** beta`.

    Raises:
        ValueError: for an even `size`: the documentation does not say on which side the odd channel lies.
    """
    x, size = a["x"], a.integer("size")
    if size % 2 == 0:
        raise ValueError(f"a window of {size} channels has no middle")
    wide = widened(x)
    reach = min(size // 2, x.shape[1])
    squares = np.pad(np.square(wide), [(0, 0), (reach, reach), *[(0, 0)] * (x.ndim - 2)])
    total = sum(squares[:, first : first + x.shape[1]] for first in range(2 * reach + 1))
    alpha, beta, k = a.real("alpha", 1e-4), a.real("beta", 0.75), a.real("k", 1.0)
    return narrowed(wide / (np.float32(k) + np.float32(alpha / size) * total) ** np.float32(beta), x.dtype)


def _standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    centred = x - x.mean(axis=axes, keepdims=True)
    variance = np.square(centred).mean(axis=axes, keepdims=True)
    quotient: Array = centred / np.sqrt(variance + np.float32(epsilon))
    return quotient


def _channels(values: Array, rank: int) -> Array:
    return widened(values).reshape(-1, *(1,) * (rank - 2))


def _affine(a: Arguments, y: Array) -> Array:
    gamma, beta = a.get("gamma"), a.get("beta")
    y = y if gamma is None else y * _channels(gamma, y.ndim)
    return narrowed(y if beta is None else y + _channels(beta, y.ndim), a["x"].dtype)


OPERATIONS: dict[str, Implementation] = {
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
}
