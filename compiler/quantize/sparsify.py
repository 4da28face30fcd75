"""Sparsify: the smallest weights become zero, so that only the others need be stored."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.precision import Precision
from ...vocabulary.quantity import Dimension, Quantity
from ..passes.base import Pass
from ..passes.editing import Array
from .stored_weights import none_is_large, put, stored_weights

_ALL: Final = 100.0


class Sparsify(Pass):
    """Sets a share of each weight to zero, those of the least magnitude.

    Nothing is trained afterwards: how much a model can lose shows in its outputs. A model that was pruned in training
    keeps its zeros, and loses no other weight as long as they are at least that share. Source: Han et al., Learning
    both Weights and Connections for Efficient Neural Networks, 2015, section 3.
    """

    precision = Precision.WEIGHT_ONLY_SPARSE_AFP32

    def __init__(self, sparsity: str) -> None:
        """`sparsity`: the share of zeros that each weight shall have at least, `"50%"`.

        Raises:
            ValueError: when it is no percentage between 0% and 100%.
        """
        self.share = share_said("sparsity", sparsity)

    def rewrite(self, model: ir.Model) -> bool:
        """Set them to zero.

        Raises:
            RefusedError: when no weight is large enough.
        """
        found = False
        for value, weight, _ in stored_weights(model):
            put(value, without_smallest(weight, round(self.share * weight.size)))
            found = True
        if not found:
            raise none_is_large("sparsify")
        return True


def without_smallest(weight: Array, count: int) -> Array:
    """Give a weight, float32 of any shape, with its `count` smallest magnitudes zero; of equal ones the first go."""
    kept = weight.ravel().copy()
    kept[np.argsort(np.abs(kept), kind="stable")[:count]] = 0.0
    return kept.reshape(weight.shape)


def share_said(option: str, text: str) -> float:
    """Read the share that an option of a step says, `"50%"`.

    Raises:
        ValueError: when it is no percentage between 0% and 100%.
    """
    try:
        share = Quantity.parse(text, Dimension.SHARE)
    except ValueError as error:
        raise ValueError(f"{option} = {text!r}: expected {error}") from error
    if share.unit != "%" or not 0 < share.value < _ALL:
        raise ValueError(f'{option} = {text!r}: expected a share between 0% and 100%, as "50%"')
    return share.value / _ALL
