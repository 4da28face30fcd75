"""Single weights go: they become zero, where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array

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
