"""A TRANSPOSE of a matrix with two to four columns as two TRANSPOSEs of matrices with many.

Kernels transpose square tiles, of which two columns fill next to nothing. Both ways permute the same data: of [a, b, 2]
that becomes [2, a, b], the first step makes [b, 2, a], whose matrix is a × 2b, and the second turns 2a × b.

On x86-64 with XNNPACK two steps of int8 take a fifth to a half of the time of one with two to four columns, and as long
with eight; two steps of float32 a half to nine tenths with two columns that are put apart, and mostly longer otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import onnx_ir as ir

from ..dialect import dtype_of, is_constant, operand, shape_of
from .move_transposes import permutation_of
from .rewriter import Rewriter

_MOST_APART = {ir.DataType.INT8: 4, ir.DataType.FLOAT: 2}
"""Columns that are put apart: [n, columns] becomes [columns, n]."""
_MOST_TOGETHER = {ir.DataType.INT8: 4}
"""Rows that are put together: [rows, n] becomes [n, rows]."""
_FAT = 8
"""Rows and columns that a matrix of a step must have."""
_WORTH = 1024
"""Elements; below that neither way takes time."""


def split_transposes(rewriter: Rewriter) -> None:
    """Split every TRANSPOSE that two do faster. No pass that joins TRANSPOSEs may follow."""
    for node in rewriter.graph:
        if node.op_type != "TRANSPOSE" or not is_constant(node.inputs[1]):
            continue
        value = operand(node, 0)
        steps = _steps(shape_of(value), permutation_of(node), dtype_of(value))
        for step in steps:
            value = rewriter.builder.transpose(value, step)
        if steps:
            rewriter.replace(node, [value])


def _steps(shape: Sequence[int], permutation: Sequence[int], dtype: ir.DataType) -> list[list[int]]:
    """Give the permutations of the two steps; none where one step is as good."""
    fixed = 0
    while fixed < len(shape) and shape[fixed] == 1 and permutation[fixed] == fixed:
        fixed += 1
    sizes, order = list(shape[fixed:]), [axis - fixed for axis in permutation[fixed:]]
    if math.prod(sizes) < _WORTH or order != _turned(list(range(len(sizes))), order[0]):
        return []
    rows, columns = _matrix(sizes, order[0])
    if not (1 < rows <= _MOST_TOGETHER.get(dtype, 0) or 1 < columns <= _MOST_APART.get(dtype, 0)):
        return []
    # To turn axes by n is to turn them by any k, and then by n − k.
    turns = [(first, (order[0] - first) % len(sizes)) for first in range(1, len(sizes)) if first != order[0]]
    fat = {(k, rest): min(*_matrix(sizes, k), *_matrix(_turned(sizes, k), rest)) for k, rest in turns}
    best = max(fat, key=lambda turn: fat[turn], default=None)
    if best is None or fat[best] < _FAT:
        return []
    axes = list(range(len(sizes)))
    return [[*range(fixed), *(axis + fixed for axis in _turned(axes, turn))] for turn in best]


def _turned(entries: list[int], places: int) -> list[int]:
    return entries[places:] + entries[:places]


def _matrix(sizes: Sequence[int], places: int) -> tuple[int, int]:
    """Give rows and columns of the matrix that turning axes by some places transposes."""
    return math.prod(sizes[:places]), math.prod(sizes[places:])
