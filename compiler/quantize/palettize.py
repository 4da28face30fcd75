"""Palettize: each weight becomes one of a few values, so that it can be stored as its place in a table of them."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.precision import Precision
from ..passes.base import Pass
from ..passes.editing import Array
from .k_means import k_means, nearest
from .linear import weight_order
from .record import note
from .stored_weights import none_is_large, put, stored_weights

_PRECISIONS: Final = {each.table_bits: each for each in Precision if each.table_bits and not each.sparse}


class Palettize(Pass):
    """Gives the weights of each layer at most 2^bits values, those with the least squared error (k-means).

    The model stays one of float32 that every runtime computes: a target that stores tables finds them in the numbers.
    Zeros of a tensor in which at least a tenth are zero stay zero, and do not count as one of the values: a target can
    leave them out. That is what `sparsify` in front of it makes. Source: Han et al., Deep Compression, 2016, section 3.
    """

    def __init__(self, bits: int, group_size: int = 0) -> None:
        """`bits`: 4, 6 or 8. `group_size` channels of output have a table of their own; 0 is one a tensor.

        Raises:
            ValueError: when there are no tables of so many bits, or `group_size` is negative.
        """
        if bits not in _PRECISIONS:
            raise ValueError(f"bits = {bits}: expected one of {', '.join(map(str, sorted(_PRECISIONS)))}")
        if group_size < 0:
            raise ValueError(f"group_size = {group_size}: expected a number of channels, or 0 for one table a tensor")
        self.values, self.group_size = 1 << bits, group_size
        self.precision = _PRECISIONS[bits]

    def rewrite(self, model: ir.Model) -> bool:
        """Choose the values of each weight.

        Raises:
            RefusedError: when no weight is large enough.
        """
        found = False
        for value, weight, readers in stored_weights(model):
            if not np.isfinite(weight).all():
                note(model, "palettize", str(value.name), "kept float: it is not finite")
                continue
            put(value, self._palettized(model, str(value.name), weight, readers))
            found = True
        if not found:
            raise none_is_large("palettize")
        return True

    def _palettized(self, model: ir.Model, name: str, weight: Array, readers: tuple[tuple[ir.Node, int], ...]) -> Array:
        if not self.group_size:
            return few_values(weight, self.values)
        axis = _channel_axis(readers, weight.shape)
        if axis is None or weight.shape[axis] % self.group_size:
            why = (
                "no channels of output are known" if axis is None else f"its {weight.shape[axis]} channels do not part"
            )
            note(model, "palettize", name, f"one table for all of it: {why} into groups of {self.group_size}")
            return few_values(weight, self.values)
        groups = np.split(weight, weight.shape[axis] // self.group_size, axis=axis)
        joined: Array = np.concatenate([few_values(group, self.values) for group in groups], axis=axis)
        return joined


SHARE_OF_ZEROS: Final = 0.1
"""From here on zeros stay out of the table. A place for each weight that is none takes one bit, which zeros of a tenth
of the weights pay for at 8 bits."""


def few_values(weight: Array, count: int) -> Array:
    """Give a weight, float32 of any shape, with at most `count` values beside zeros that stay out."""
    zero = weight == 0
    if zero.mean() < SHARE_OF_ZEROS or zero.all():
        return nearest(weight, k_means(weight, count))
    rounded = np.zeros_like(weight)
    rounded[~zero] = nearest(weight[~zero], k_means(weight[~zero], count))
    return rounded


def _channel_axis(readers: tuple[tuple[ir.Node, int], ...], shape: tuple[int, ...]) -> int | None:
    """Give the axis of the channels of output; None when readers do not agree on one."""
    found: set[int | None] = set()
    for node, index in readers:
        order = weight_order(node, shape) if index == 1 else None
        if order is not None:
            found.add(1 if order.transposed else 0)
        else:
            found.add({"ConvTranspose": 1, "Gather": 0}.get(node.op_type))
    return found.pop() if len(found) == 1 else None
