"""Grids: how the integers of a tensor stand for reals, as TFLite's schema has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .dialect import Array, constant_of, make_constant

_GRID = "grid"
_INTEGERS = "integers"
_BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale · (integer − zero point), one scale for all elements or one a slice along `axis`.

    The zero point is the same for all slices; kernels take no other.
    """

    scales: tuple[float, ...]
    zero_point: int = 0
    axis: int = 0

    @property
    def scale(self) -> float:
        """The one scale of a tensor that has only one."""
        assert len(self.scales) == 1, self
        return self.scales[0]

    def reals(self, integers: Array) -> Array:
        """Give what the integers stand for, float32, computed as DequantizeLinear does."""
        shifted = integers.astype(np.int32) - np.int32(self.zero_point)
        scales = np.array(self.scales, np.float32)
        if len(scales) > 1:
            scales = scales.reshape([-1 if axis == self.axis else 1 for axis in range(integers.ndim)])
        return np.asarray(shifted.astype(np.float32) * scales)

    def integers(self, reals: Array, dtype: ir.DataType) -> Array:
        """Give the nearest integers for reals, saturated to the dtype."""
        limits = np.iinfo(dtype.numpy())
        scales = np.array(self.scales, np.float64)
        if len(scales) > 1:
            scales = scales.reshape([-1 if axis == self.axis else 1 for axis in range(reals.ndim)])
        steps = np.rint(reals.astype(np.float64) / scales) + self.zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max).astype(dtype.numpy()))


@dataclass(frozen=True, slots=True)
class Blocks:
    """Scales of which each one is for `size` elements in a row along `axis`; the zero point is 0.

    `scales`: float32 of the integers' shape, divided by `size` along the axis (rounded up).
    """

    scales: Array
    axis: int
    size: int

    def reals(self, integers: Array) -> Array:
        """Give what the integers stand for, float32, computed as DequantizeLinear does."""
        spread = self.scales.repeat(self.size, self.axis).take(range(integers.shape[self.axis]), self.axis)
        return np.asarray(integers.astype(np.float32) * spread)


def grid_of(value: ir.Value) -> Quantization:
    """Give the grid of an integer value that has one."""
    found: Quantization = value.meta[_GRID]
    return found


def has_grid(value: ir.Value) -> bool:
    """Whether an integer value stands for reals."""
    return _GRID in value.meta


def put_on(value: ir.Value, grid: Quantization) -> ir.Value:
    """Say what the integers of a value stand for; gives the value itself."""
    value.meta[_GRID] = grid
    return value


def on_grid_of(source: ir.Value, moved: ir.Value) -> ir.Value:
    """Say that integers stand for what those stand for that they are a movement of; gives `moved`."""
    return put_on(moved, grid_of(source)) if has_grid(source) else moved


def dequantized(integers: Array, grid: Quantization, name: str | None) -> ir.Value:
    """Make a float32 constant that remembers the integers it stands for."""
    value = make_constant(grid.reals(integers), name)
    value.meta[_INTEGERS] = (integers, grid)
    return value


def integers_of(value: ir.Value | None) -> tuple[Array, Quantization] | None:
    """Give the integers that a float constant stands for and their grid; None for any other value."""
    return value.meta.get(_INTEGERS) if value is not None else None


def dequantized_blocks(integers: Array, blocks: Blocks, name: str | None) -> ir.Value:
    """Make a float32 constant that remembers the integers it stands for, block by block."""
    value = make_constant(blocks.reals(integers), name)
    value.meta[_BLOCKS] = (integers, blocks)
    return value


def blocks_of(value: ir.Value | None) -> tuple[Array, Blocks] | None:
    """Give the integers that a float constant stands for block by block; None for any other value."""
    return value.meta.get(_BLOCKS) if value is not None else None


def transposed_constant(value: ir.Value, permutation: Sequence[int]) -> ir.Value:
    """Permute the axes of a constant, integers that it stands for with it."""
    known, in_blocks = integers_of(value), blocks_of(value)
    if in_blocks is not None:
        integers, blocks = in_blocks
        scales, axis = blocks.scales.transpose(permutation), list(permutation).index(blocks.axis)
        moved = np.ascontiguousarray(integers.transpose(permutation))
        return dequantized_blocks(moved, Blocks(scales, axis, blocks.size), value.name)
    if known is None:
        array = constant_of(value)
        assert array is not None
        return make_constant(np.ascontiguousarray(array.transpose(permutation)))
    integers, grid = known
    axis = list(permutation).index(grid.axis) if len(grid.scales) > 1 else 0
    moved = np.ascontiguousarray(integers.transpose(permutation))
    return dequantized(moved, Quantization(grid.scales, grid.zero_point, axis), value.name)


def reshaped_constant(value: ir.Value, shape: Sequence[int]) -> ir.Value:
    """Give a constant in another shape; the integers that it stands for stay known where the slices stay slices."""
    array, known = constant_of(value), integers_of(value)
    assert array is not None
    axis = _axis_after(array.shape, shape, known[1]) if known else None
    if known is None or axis is None:
        return make_constant(array.reshape(shape))
    integers, grid = known
    return dequantized(integers.reshape(shape), Quantization(grid.scales, grid.zero_point, axis), value.name)


def scaled_constant(value: ir.Value, factors: Array, axis: int) -> ir.Value:
    """Multiply a constant by a factor for each slice along an axis; what stands for integers then has other scales."""
    array, known = constant_of(value), integers_of(value)
    assert array is not None
    others = [other for other in range(array.ndim) if other != axis]
    if (
        known is None
        or known[1].zero_point
        or np.any(factors == 0)
        or (len(known[1].scales) > 1 and known[1].axis != axis)
    ):
        return make_constant(array * np.expand_dims(factors, others))
    integers, grid = known
    scales = np.abs(factors) * np.array(grid.scales, np.float32)
    turned = integers * np.expand_dims(np.sign(factors).astype(integers.dtype), others)
    return dequantized(turned, Quantization(tuple(float(scale) for scale in scales), 0, axis), value.name)


def picked_constant(value: ir.Value, places: Array) -> ir.Value:
    """Pick slices along axis 0 of a constant."""
    array, known = constant_of(value), integers_of(value)
    assert array is not None
    if known is None or (len(known[1].scales) > 1 and known[1].axis != 0):
        return make_constant(np.ascontiguousarray(array[places]))
    integers, grid = known
    scales = grid.scales if len(grid.scales) == 1 else tuple(grid.scales[place] for place in places.tolist())
    return dequantized(np.ascontiguousarray(integers[places]), Quantization(scales, grid.zero_point), value.name)


def _axis_after(before: Sequence[int], after: Sequence[int], grid: Quantization) -> int | None:
    """Give the axis that the slices lie along after a reshape; None when no axis is it."""
    if len(grid.scales) == 1:
        return 0
    outer = math.prod(before[: grid.axis])
    for axis, size in enumerate(after):
        if size == before[grid.axis] and math.prod(after[:axis]) == outer:
            return axis
    return None
