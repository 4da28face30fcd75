"""Random numbers.

The documentation names distributions, and a seed that makes a sequence repeatable, but no generator: what is drawn here
has the distribution, and is not what Core ML draws. Without a seed (-1) every run draws anew.
"""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened


def _generator(a: Arguments) -> np.random.Generator:
    seed = a.integer("seed", -1)
    return np.random.default_rng(None if seed == -1 else seed % 2**32)


def _dtype(a: Arguments, name: str) -> np.dtype[np.generic]:
    given = a.get(name)
    return np.dtype(np.float32) if given is None else given.dtype


def random_bernoulli(a: Arguments) -> Array:
    """Draw ones with the probability `prob`, else zeros."""
    drawn = _generator(a).random(a.agreed(a.ints("shape"))) < a.real("prob", 0.5)
    return drawn.astype(_dtype(a, "prob"))


def random_categorical(a: Arguments) -> Array:
    """Draw `size` classes for each distribution along the last axis of `x`, of `logits` or of `probs`."""
    x, mode, size = widened(a["x"]), a.text("mode", "logits"), a.integer("size", 1)
    if mode not in ("logits", "probs"):
        raise ValueError(f"mode {mode!r} is unknown")
    weights = np.exp(x - x.max(axis=-1, keepdims=True)) if mode == "logits" else x
    edges = np.cumsum(weights, axis=-1, dtype=np.float64)
    drawn = _generator(a).random(a.agreed((*x.shape[:-1], size))) * edges[..., -1:]
    classes = np.count_nonzero(drawn[..., None] >= edges[..., None, :], axis=-1)
    return np.asarray(classes).astype(a["x"].dtype)


def random_normal(a: Arguments) -> Array:
    """Draw from a normal distribution."""
    drawn = _generator(a).normal(a.real("mean", 0.0), a.real("stddev", 1.0), a.agreed(a.ints("shape")))
    return narrowed(drawn, _dtype(a, "mean"))


def random_uniform(a: Arguments) -> Array:
    """Draw evenly from `low` (inclusive) to `high` (exclusive)."""
    drawn = _generator(a).uniform(a.real("low", 0.0), a.real("high", 1.0), a.agreed(a.ints("shape")))
    return narrowed(drawn, _dtype(a, "low"))


OPERATIONS: dict[str, Implementation] = {
    "random_bernoulli": random_bernoulli,
    "random_categorical": random_categorical,
    "random_normal": random_normal,
    "random_uniform": random_uniform,
}
