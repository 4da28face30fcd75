"""Single weights go: they become zero, where they are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import RefusedError
from ..passes.editing import Array
from ..quantize.record import note
from ..quantize.sparsify import without_smallest
from ..quantize.stored_weights import put, stored_weights

_PATTERN: Final = re.compile(r"([1-9][0-9]*):([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Of each `of` weights that a sum runs over, no more than `kept` are not zero: 2:4 for NVIDIA's sparse products.

    Source: Mishra et al., Accelerating Sparse Deep Neural Networks, 2021.
    """

    kept: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read `2:4`.

        Raises:
            ValueError: when it is no such pattern.
        """
        match = _PATTERN.fullmatch(text)
        if match is None or int(match[1]) >= int(match[2]):
            raise ValueError(f'{text!r}: expected how many of how many weights stay, as "2:4"')
        return cls(int(match[1]), int(match[2]))

    def of_weight(self, weight: Array, axis: int) -> Array | None:
        """Give a weight with zeros, in groups along its axis of input channels; None when it has no whole groups."""
        if weight.shape[axis] % self.of:
            return None
        last = np.moveaxis(weight, axis, -1)
        groups = last.reshape(-1, self.of).copy()
        smallest = np.argsort(np.abs(groups), axis=1, kind="stable")[:, : self.of - self.kept]
        np.put_along_axis(groups, smallest, 0, axis=1)
        return np.ascontiguousarray(np.moveaxis(groups.reshape(last.shape), -1, axis))


def set_to_zero(model: ir.Model, wanted: Pattern | float) -> None:
    """Set weights to zero, in place: by a pattern, or so large a share of each.

    Raises:
        RefusedError: when no weight is large enough, or nothing would be left of one.
    """
    zeros = weights = 0
    for value, weight, readers in stored_weights(model):
        node, index = readers[0]
        left = _left_of(weight, wanted, input_axis(node, index, weight.ndim))
        if left is None:
            assert isinstance(wanted, Pattern)
            note(model, "prune", node.name or "", f"stays: its input channels are no multiple of {wanted.of}")
            left = weight
        elif weight.any() and not left.any():
            raise RefusedError(
                f"prune: nothing would be left of the {weight.size:,} weights of {node.name or value.name!r}",
                hint=f"ask for a sparsity of at most {math.floor(1e4 * (1 - 1 / weight.size)) / 100}%",
            )
        else:
            put(value, left)
        zeros, weights = zeros + int((left == 0).sum()), weights + left.size
    if not weights:
        raise RefusedError("prune: no weight of the model is large enough", hint="leave the step out")
    note(model, "prune", "", f"{zeros:,} of {weights:,} weights are zero")


def _left_of(weight: Array, wanted: Pattern | float, axis: int) -> Array | None:
    if isinstance(wanted, Pattern):
        return wanted.of_weight(weight, axis)
    return without_smallest(weight, round(wanted * weight.size))


def input_axis(node: ir.Node, index: int, rank: int) -> int:
    """Give the axis of a weight that a layer's sums run over."""
    match node.op_type, index:
        case ("Conv", 1):
            return 1
        case ("ConvTranspose", 1):
            return 0
        case ("Gemm", 1):
            return 1 if node.attributes.get_int("transB", 0) else 0
        case ("Gemm", 0):
            return 0 if node.attributes.get_int("transA", 0) else 1
        case ("MatMul", 0):
            return rank - 1
        case ("MatMul", 1):
            return max(rank - 2, 0)
    return rank - 1
