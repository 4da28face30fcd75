"""Constants of the dialect as constants of the graph; those that stand for integers are kept as these integers."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ..tflite.dialect import constant_of, shape_of
from ..tflite.quantization import integers_of, reshaped_constant, transposed_constant
from .builder import Builder, as_held
from .graph import Tensor
from .weights import on_grid


def hold(b: Builder, value: ir.Value) -> Tensor:
    """Give a constant of the dialect as a value of the graph.

    Raises:
        Refused: when TF.js cannot hold its numbers.
    """
    array, known = constant_of(value), integers_of(value)
    assert array is not None, value
    grid = on_grid(*known) if known is not None else None
    return b.constant(array, grid=grid) if grid is not None else b.hold(as_held(array))


def transposed(b: Builder, value: ir.Value, known: Tensor | None, permutation: Sequence[int]) -> Tensor:
    """Permute the axes of a value: a constant at compile time, another (which is `known`) by a node."""
    if known is not None:
        return b.transpose(known, permutation)
    return hold(b, transposed_constant(value, permutation))


def reshaped(b: Builder, value: ir.Value, known: Tensor | None, shape: Sequence[int]) -> Tensor:
    """Give a value in another shape, itself when it has it: a constant at compile time, another by a node."""
    if known is not None:
        return b.reshape(known, shape)
    return hold(b, value if shape_of(value) == tuple(shape) else reshaped_constant(value, shape))
