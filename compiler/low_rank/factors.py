"""Factors of a layer's weights: products of smaller ones that come near them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..passes.editing import Array

_ROUNDS: Final = 3
"""Times that both sides of a kernel are fitted to each other. De Lathauwer et al. see most of the gain in the first."""

_SWEEPS: Final = 8
"""Times that three factors are balanced in pairs: each leaves a quarter of the logarithm of what they were apart."""

DAMPING: Final = 0.01
"""The share of the mean second moment that is added to each input's own, so that what calibration never saw moving
still counts for something. Rounding by second moments (`quantize/rounding.py`) takes the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Factors:
    """What stands for weights W of shape [outputs, inputs, positions of the kernel].

    W[o, i, p] ≈ Σ leave[o, s] · core[s, r, p] · enter[r, i]. A side that keeps its full rank has no factor: where
    `enter` is None r = i, where `leave` is None s = o.
    """

    enter: Array | None
    """float64[rank of the inputs, inputs]"""
    core: Array
    """float64[rank of the outputs, rank of the inputs, positions]"""
    leave: Array | None
    """float64[outputs, rank of the outputs]"""

    def product(self) -> Array:
        """Give the weights that they stand for, float64[outputs, inputs, positions]."""
        product = self.core
        if self.enter is not None:
            product = np.einsum("srp,ri->sip", product, self.enter, optimize=True)
        if self.leave is not None:
            product = np.einsum("os,sip->oip", self.leave, product, optimize=True)
        return product


def factorize(weights: Array, moments: Array | None, rank_out: int, rank_in: int) -> Factors:
    """Give factors of W, float64[outputs, inputs, positions], of these ranks.

    One side: truncated singular value decomposition, the least squared error that a rank can have. Both: Tucker-2, the
    higher-order singular value decomposition followed by some higher-order orthogonal iterations (De Lathauwer et al.,
    On the Best Rank-1 and Rank-(R1, …, RN) Approximation of Higher-Order Tensors, 2000; for convolutions Kim et al.,
    Compression of Deep Convolutional Neural Networks for Fast and Low Power Mobile Applications, 2016).

    `moments`: E[x xᵀ] of the patches that the layer multiplies, float64[inputs · positions, the same]; the error is
    then that of what the layer gives, E‖Wx − Ŵx‖² (Zhang et al., Accelerating Very Deep Convolutional Networks for
    Classification and Detection, 2015, section 3.1, without means). On the side of the inputs of a kernel its
    positions are taken for uncorrelated. None counts every input alike.
    """
    outputs, inputs, _ = weights.shape
    by_input = None if moments is None else of_inputs(moments, inputs)
    leave = _leaving(weights, moments, rank_out) if rank_out < outputs else None
    enter, core = _entering(_seen_by(leave, weights), by_input, rank_in)
    if leave is not None and enter is not None:
        for _ in range(_ROUNDS):
            leave = _leaving(_onto(weights, enter, by_input), moments, rank_out)
            enter, core = _entering(_seen_by(leave, weights), by_input, rank_in)
            assert enter is not None
    return _balanced(enter, core, leave)


def energies_out(weights: Array, moments: Array | None) -> Array:
    """Give the squared singular values between outputs and the rest, from the largest on."""
    return _energies(weights.reshape(len(weights), -1), moments)


def energies_in(weights: Array, moments: Array | None) -> Array:
    """Give the squared singular values between inputs and the rest, from the largest on."""
    by_input = None if moments is None else of_inputs(moments, weights.shape[1])
    return _energies(_by_input(weights), by_input)


def damped(moments: Array) -> Array:
    """Give second moments in which every input counts for something: float64[n, n], positive definite."""
    own = moments.astype(np.float64)
    mean = float(np.trace(own)) / len(own)
    own[np.diag_indices_from(own)] += DAMPING * mean if mean > 0 else 1.0
    return own


def of_inputs(moments: Array, inputs: int) -> Array:
    """Give the second moments of inputs, [inputs, inputs], of those of patches: their mean over the positions."""
    positions = len(moments) // inputs
    mean: Array = np.einsum("ipjp->ij", moments.reshape(inputs, positions, inputs, positions)) / positions
    return mean


def _leaving(weights: Array, moments: Array | None, rank: int) -> Array:
    return _basis(weights.reshape(len(weights), -1), moments, rank)


def _seen_by(leave: Array | None, weights: Array) -> Array:
    if leave is None:
        return weights
    seen: Array = np.einsum("os,oip->sip", leave, weights, optimize=True)
    return seen


def _by_input(weights: Array) -> Array:
    """Give [outputs, inputs, positions] as [outputs · positions, inputs]."""
    return weights.transpose(0, 2, 1).reshape(-1, weights.shape[1])


def _entering(weights: Array, by_input: Array | None, rank: int) -> tuple[Array | None, Array]:
    """Give the factor of the inputs and the core that is left of [outputs, inputs, positions]."""
    outputs, inputs, positions = weights.shape
    if rank >= inputs:
        return None, weights
    matrix = _by_input(weights)
    core = _basis(matrix, by_input, min(rank, len(matrix)))
    return core.T @ matrix, core.reshape(outputs, positions, -1).transpose(0, 2, 1)


def _onto(weights: Array, enter: Array, by_input: Array | None) -> Array:
    """Give of weights the nearest that read no more of the inputs than `enter` does."""
    read = enter if by_input is None else enter @ by_input
    projection = read.T @ np.linalg.pinv(read @ enter.T, hermitian=True) @ enter
    projected: Array = np.einsum("ojp,ji->oip", weights, projection, optimize=True)
    return projected


def _basis(matrix: Array, moments: Array | None, rank: int) -> Array:
    """Give the directions of M H^½ that hold most, M float64[m, n], as orthonormal columns float64[m, rank]."""
    if matrix.shape[0] <= matrix.shape[1]:
        _, vectors = np.linalg.eigh(_gram(matrix, moments))
        return _signed(vectors[:, ::-1][:, :rank])
    rooted = matrix if moments is None else matrix @ np.linalg.cholesky(moments)
    _, vectors = np.linalg.eigh(_gram(rooted.T, None))
    basis, _ = np.linalg.qr(rooted @ vectors[:, ::-1][:, :rank])  # orthonormal where a singular value is 0, too
    return _signed(basis)


def _energies(matrix: Array, moments: Array | None) -> Array:
    if matrix.shape[0] > matrix.shape[1]:
        rooted = matrix if moments is None else matrix @ np.linalg.cholesky(moments)
        matrix, moments = rooted.T, None
    values: Array = np.linalg.eigvalsh(_gram(matrix, moments))[::-1].clip(min=0)
    return values


def _gram(matrix: Array, moments: Array | None) -> Array:
    gram: Array = matrix @ matrix.T if moments is None else matrix @ moments @ matrix.T
    return (gram + gram.T) / 2


def _signed(basis: Array) -> Array:
    """Let the largest entry of each column be positive: which sign a decomposition gives is chance."""
    largest = np.abs(basis).argmax(axis=0)
    signs = np.where(np.take_along_axis(basis, largest[None], axis=0)[0] < 0, -1.0, 1.0)
    signed: Array = basis * signs
    return signed


def _balanced(enter: Array | None, core: Array, leave: Array | None) -> Factors:
    """Let what is multiplied by each other have one norm, channel by channel, so that neither needs a wider range."""
    for _ in range(_SWEEPS):
        if leave is not None:
            scale = _scale(np.linalg.norm(core, axis=(1, 2)), np.linalg.norm(leave, axis=0))
            core, leave = core / scale[:, None, None], leave * scale
        if enter is not None:
            scale = _scale(np.linalg.norm(enter, axis=1), np.linalg.norm(core, axis=(0, 2)))
            enter, core = enter / scale[:, None], core * scale[:, None]
    return Factors(enter=enter, core=core, leave=leave)


def _scale(before: Array, behind: Array) -> Array:
    both = (before > 0) & (behind > 0)
    return np.sqrt(np.divide(before, behind, out=np.ones_like(before), where=both))
