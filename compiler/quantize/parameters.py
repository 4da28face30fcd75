"""Parameters: the scale and zero point of a tensor, from its range and the grid of its integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .scheme import Grid

Array = NDArray[Any]

SMALLEST_SCALE: Final = 2.0**-60
"""The product of two such scales, that of a bias, is still a normal float32."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parameters:
    """How the integers of one tensor stand for reals: real = scale · (integer − zero point).

    `scale` is float32[] for the whole tensor, float32[channels] along `axis`, or, with `block`, float32 of the tensor's
    shape with the size along `axis` divided by `block`. `zero_point` has the shape of `scale` and integers of `grid`.
    """

    grid: Grid
    scale: Array
    zero_point: Array
    axis: int | None = None
    block: int = 0

    def over(self, array: Array) -> tuple[Array, Array]:
        """Give scale and zero point in a shape that broadcasts over `array`."""
        if self.axis is None:
            return self.scale, self.zero_point
        if self.block:
            places = np.arange(array.shape[self.axis]) // self.block
            return np.take(self.scale, places, axis=self.axis), np.take(self.zero_point, places, axis=self.axis)
        shape = [1] * array.ndim
        shape[self.axis] = -1
        return self.scale.reshape(shape), self.zero_point.reshape(shape)

    def quantize(self, array: Array) -> Array:
        """Give the nearest integers, ties to even, as QuantizeLinear does; int32 of the shape of `array`."""
        scale, zero_point = self.over(array)
        found = np.rint(array / scale.astype(np.float64)) + zero_point
        integers: Array = np.clip(found, self.grid.lowest, self.grid.highest).astype(np.int32)
        return integers

    def dequantize(self, integers: Array) -> Array:
        """Give the reals that integers stand for, float32."""
        scale, zero_point = self.over(integers)
        reals: Array = ((integers.astype(np.int64) - zero_point) * scale).astype(np.float32)
        return reals

    def step(self) -> float:
        """The largest distance between two neighbouring reals."""
        return float(self.scale.max())


def from_range(low: float, high: float, grid: Grid) -> Parameters:
    """Give the parameters of a tensor with values in [low, high]; zero is always exactly representable.

    The range is widened to hold zero. A tensor of zeros alone gets the scale 1: nothing is known of its size.

    Raises:
        ValueError: when a bound is not finite.
    """
    return _parameters(np.array(low, np.float64), np.array(high, np.float64), grid)


def fixed(scale: float, zero_point: int, grid: Grid) -> Parameters:
    """Give the parameters of an operator whose kernel prescribes them."""
    return Parameters(grid=grid, scale=np.array(scale, np.float32), zero_point=np.array(zero_point, grid.dtype.numpy()))


def of_weight(weight: Array, grid: Grid, *, axis: int | None = None, block: int = 0) -> Parameters:
    """Give the parameters of a constant by its extremes: of the whole, by channel along `axis`, or by block along it.

    A block of a convolution's weights is one of input channels, at all positions of the kernel.

    A channel of zeros takes the largest scale of the others: any scale stands for zeros exactly, and an extreme one
    would spoil what is multiplied with it.

    Raises:
        ValueError: when a weight is not finite.
    """
    if axis is not None and block:
        starts = range(0, weight.shape[axis], block)
        low, high = (reduce.reduceat(weight, starts, axis=axis) for reduce in (np.minimum, np.maximum))
        if weight.ndim > 2:  # all positions of a convolution's kernel
            places = tuple(range(2, weight.ndim))
            low = np.broadcast_to(low.min(axis=places, keepdims=True), low.shape)
            high = np.broadcast_to(high.max(axis=places, keepdims=True), high.shape)
    else:
        others = None if axis is None else tuple(index for index in range(weight.ndim) if index != axis)
        low, high = weight.min(axis=others, initial=np.inf), weight.max(axis=others, initial=-np.inf)
    return _parameters(np.asarray(low, np.float64), np.asarray(high, np.float64), grid, axis=axis, block=block)


def _parameters(low: Array, high: Array, grid: Grid, *, axis: int | None = None, block: int = 0) -> Parameters:
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError(f"no integers stand for the range [{low.min()}, {high.max()}]")
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    middle = np.where((low == 0.0) & grid.one_sided, grid.lowest, grid.middle)
    if grid.symmetric:
        scale = np.maximum(-low, high) / (grid.highest - middle)
    else:
        scale = (high - low) / (grid.highest - grid.lowest)
    typical = float(scale.max(initial=0.0)) or 1.0
    scale = np.maximum(np.where(scale > 0, scale, typical), SMALLEST_SCALE).astype(np.float32)
    if grid.symmetric:
        zero_point = np.broadcast_to(middle, scale.shape)
    else:
        zero_point = np.clip(np.rint(grid.lowest - low / scale), grid.lowest, grid.highest)
    return Parameters(
        grid=grid,
        scale=np.asarray(scale),
        zero_point=np.asarray(zero_point.astype(grid.dtype.numpy())),
        axis=axis,
        block=block,
    )
