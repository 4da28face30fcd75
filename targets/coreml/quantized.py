"""Integers that stand for constant reals: a DequantizeLinear of the hub whose inputs are all constant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from ...compiler.passes.editing import Array

_STORED = {
    getattr(ir.DataType, name.upper()): name
    for name in ("int4", "uint4", "int8", "uint8")
    if hasattr(ir.DataType, name.upper())
}
"""Integers that Core ML stores weights as → MIL's name of them."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Quantized:
    """real = scale · (integer − zero point), block by block.

    `integers` are of any integer dtype, `stored` is MIL's name of the one that they fit (None: Core ML stores no
    weights as such). `scale` is float32 or float16 and has an axis for each of theirs, whose size divides theirs: so
    many neighbours share a scale. `zero_point` is int32 of the shape of `scale`.
    """

    integers: Array
    scale: Array
    zero_point: Array
    stored: str | None

    @property
    def dense(self) -> Array:
        """The reals, of the dtype of the scale, as DequantizeLinear computes them."""
        scale, zero_point = self.over(self.scale), self.over(self.zero_point)
        reals: Array = (self.integers.astype(np.int64) - zero_point).astype(scale.dtype) * scale
        return reals

    def over(self, part: Array) -> Array:
        """Repeat scales or zero points until each integer has one of its own."""
        for axis, size in enumerate(self.integers.shape):
            if part.shape[axis] not in (1, size):
                part = np.repeat(part, size // part.shape[axis], axis=axis)
        return np.broadcast_to(part, self.integers.shape)

    def arranged(self, array: Array) -> Quantized | None:
        """Give these integers with the axes in the order in which `array` has the same reals; None when it has not."""
        mine = [axis for axis, size in enumerate(self.integers.shape) if size != 1]
        theirs = [size for size in array.shape if size != 1]
        if array.dtype != self.scale.dtype or sorted(self.integers.shape[axis] for axis in mine) != sorted(theirs):
            return None
        dense = self.dense
        for order in permutations(mine):
            if [self.integers.shape[axis] for axis in order] != theirs:
                continue
            full = (*order, *(axis for axis in range(dense.ndim) if axis not in order))
            if np.array_equal(dense.transpose(full).reshape(array.shape), array):
                axes = iter(order)
                sizes = [1 if size == 1 else self.scale.shape[next(axes)] for size in array.shape]
                return replace(
                    self,
                    integers=self.integers.transpose(full).reshape(array.shape),
                    scale=self.scale.transpose(full).reshape(sizes),
                    zero_point=self.zero_point.transpose(full).reshape(sizes),
                )
        return None


def quantized(
    integers: Array, scale: Array, zero_point: Array | None, axis: int, block: int, dtype: ir.DataType
) -> Quantized:
    """Give the constants of a DequantizeLinear; `axis` and `block` are its attributes, `dtype` that of the integers.

    Raises:
        Refused: when scales and integers do not fit together, or blocks do not part the axis evenly.
    """
    zero_point = np.zeros(scale.shape) if zero_point is None else zero_point
    if scale.size == 1 and not block:
        shape = [1] * integers.ndim
    elif block:
        shape = list(scale.shape)
        if len(shape) != integers.ndim or shape[axis] * block != integers.shape[axis]:
            raise Refused(f"its blocks of {block} do not part {integers.shape[axis]} evenly")
    else:
        shape = [1] * integers.ndim
        if integers.ndim == 0 or scale.size != integers.shape[axis]:
            raise Refused(f"{scale.size} scales do not fit {list(integers.shape)} along axis {axis}")
        shape[axis] = scale.size
    scale, points = scale.reshape(shape), np.asarray(zero_point).astype(np.int32).reshape(shape)
    for axis in range(integers.ndim):
        first_scale, first_point = scale.take([0], axis), points.take([0], axis)
        if (scale == first_scale).all() and (points == first_point).all():
            scale, points = first_scale, first_point
    return Quantized(integers=integers, scale=scale, zero_point=points, stored=_STORED.get(dtype))
