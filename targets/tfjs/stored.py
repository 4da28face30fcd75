"""Constants of the dialect as constants of the graph; those that stand for integers are kept as these integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..tflite.dialect import constant_of, shape_of
from ..tflite.quantization import Quantization, integers_of, reshaped_constant, transposed_constant
from .builder import Builder, as_held
from .graph import Tensor
from .weights import on_grid

SLICES_WORTH = 1024
"""Elements from which integers with a scale for each slice are worth the node that multiplies them."""


def hold(b: Builder, value: ir.Value) -> Tensor:
    """Give a constant of the dialect as a value of the graph. Where its slices have scales, a node multiplies by them.

    Raises:
        Refused: when TF.js cannot hold its numbers.
    """
    return transposed(b, value, None, range(len(shape_of(value))))


def transposed(b: Builder, value: ir.Value, known: Tensor | None, permutation: Sequence[int]) -> Tensor:
    """Permute the axes of a value: a constant at compile time, another (which is `known`) by a node."""
    if known is not None:
        return b.transpose(known, permutation)
    stays = [*permutation] == sorted(permutation)
    key = (value, tuple(permutation), ())
    if key not in b.held:
        b.held[key] = _made(b, value if stays else transposed_constant(value, permutation))
    return b.held[key]


def reshaped(b: Builder, value: ir.Value, known: Tensor | None, shape: Sequence[int]) -> Tensor:
    """Give a value in another shape, itself when it has it: a constant at compile time, another by a node."""
    if known is not None:
        return b.reshape(known, shape)
    if shape_of(value) == tuple(shape):
        return hold(b, value)
    key = (value, (), tuple(shape))
    if key not in b.held:
        b.held[key] = _made(b, reshaped_constant(value, shape))
    return b.held[key]


def _made(b: Builder, value: ir.Value) -> Tensor:
    array, known = constant_of(value), integers_of(value)
    assert array is not None, value
    if known is None:
        return b.hold(as_held(array))
    integers, grid = known
    if len(grid.scales) == 1:
        return b.constant(as_held(array), grid=on_grid(integers, grid))
    steps = on_grid(integers, Quantization((1.0,), grid.zero_point)) if integers.size >= SLICES_WORTH else None
    if steps is None:
        return b.hold(as_held(array))
    # Of numbers that a file holds otherwise only shape and dtype count.
    whole = np.broadcast_to(np.zeros((), np.float32), array.shape)
    scales = np.array(grid.scales, np.float32).reshape([-1 if axis == grid.axis else 1 for axis in range(array.ndim)])
    return b.binary("Mul", b.constant(whole, grid=steps), scales)
