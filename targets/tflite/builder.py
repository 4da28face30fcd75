"""Makes dialect nodes, each with its static shape and dtype, checked against what the kernels take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from .dialect import DOMAIN, Array, constant_of, dtype_name, dtype_of, is_constant, make_constant, make_value, shape_of
from .integer_kernels import INTEGER_KERNELS
from .kernels import BROADCAST_RANK, KERNELS, Kernel
from .quantization import has_grid, on_grid_of, reshaped_constant, transposed_constant

Attribute = int | float | bool | str | Sequence[int]
Operand = ir.Value | Array
"""A value, or an array that becomes a constant."""


class Builder:
    """Makes dialect nodes and hands each to `insert`.

    Whatever has only constants to work on is computed at once and gives a constant, where that is mere movement of
    data; no lowering needs to ask.
    """

    def __init__(self, insert: Callable[[ir.Node], object]) -> None:
        """`insert` takes every node that is made, in order."""
        self._insert = insert

    def node(
        self,
        operator: str,
        operands: Sequence[Operand | None],
        results: Sequence[tuple[Sequence[int], ir.DataType]],
        **attributes: Attribute,
    ) -> Sequence[ir.Value]:
        """Make a node with results of these shapes and dtypes.

        Raises:
            Refused: when no kernel takes operands of this dtype or rank.
        """
        values = [make_constant(value) if isinstance(value, np.ndarray) else value for value in operands]
        _check(operator, values)
        if all(0 in shape for shape, _ in results):
            # What holds no element needs no kernel: it is a constant, and no interpreter gets to see it.
            return [make_constant(np.empty(tuple(shape), dtype.numpy())) for shape, dtype in results]
        return self._made(operator, values, results, attributes)

    def _made(
        self,
        operator: str,
        values: Sequence[ir.Value | None],
        results: Sequence[tuple[Sequence[int], ir.DataType]],
        attributes: Mapping[str, Attribute],
    ) -> Sequence[ir.Value]:
        outputs = [make_value(None, tuple(shape), dtype) for shape, dtype in results]
        node = ir.Node(
            DOMAIN, operator, values, [_attribute(name, value) for name, value in attributes.items()], outputs=outputs
        )
        self._insert(node)
        return node.outputs

    def op(
        self,
        operator: str,
        operands: Sequence[Operand | None],
        shape: Sequence[int],
        dtype: ir.DataType,
        **attributes: Attribute,
    ) -> ir.Value:
        """Make a node with one result.

        Raises:
            Refused: when no kernel takes operands of this dtype or rank.
        """
        return self.node(operator, operands, [(shape, dtype)], **attributes)[0]

    def unary(self, operator: str, x: ir.Value, **attributes: Attribute) -> ir.Value:
        """Make an elementwise node of one operand that keeps its dtype."""
        return self.op(operator, [x], shape_of(x), dtype_of(x), **attributes)

    def binary(self, operator: str, x: Operand, y: Operand, dtype: ir.DataType | None = None) -> ir.Value:
        """Make an elementwise node of two operands that broadcast; `dtype` is that of the result when it differs."""
        x, y = self.value(x), self.value(y)
        if dtype_of(x) != dtype_of(y):
            raise Refused(f"operands of different dtypes, {dtype_name(dtype_of(x))} and {dtype_name(dtype_of(y))}")
        return self._spread(operator, [x, y], dtype or dtype_of(x))

    def compare(self, operator: str, x: Operand, y: Operand) -> ir.Value:
        """Compare two operands that broadcast, to bool; constants are compared at once."""
        x, y = self.value(x), self.value(y)
        left, right = constant_of(x), constant_of(y)
        if left is not None and right is not None:
            return make_constant(np.asarray(getattr(np, operator.lower())(left, right)))
        return self.binary(operator, x, y, ir.DataType.BOOL)

    def select(self, mask: Operand, x: Operand, y: Operand) -> ir.Value:
        """Choose `x` where the mask holds, `y` elsewhere; all three broadcast."""
        operands = [self.value(operand) for operand in (mask, x, y)]
        return self._spread("SELECT_V2", operands, dtype_of(operands[1]))

    def _spread(self, operator: str, operands: Sequence[ir.Value], dtype: ir.DataType) -> ir.Value:
        """Make an elementwise node; where its kernel does not broadcast so many axes, on equal shapes."""
        shapes = [shape_of(value) for value in operands]
        shape = np.broadcast_shapes(*shapes)
        if len(set(shapes)) == 1 or len(shape) <= BROADCAST_RANK.get(operator, len(shape)):
            return self.op(operator, operands, shape, dtype)
        sizes = np.array(shape, np.int32)
        full = [
            value if shape_of(value) == shape else self.op("BROADCAST_TO", [value, sizes], shape, dtype_of(value))
            for value in operands
        ]
        return self.op(operator, full, shape, dtype)

    def value(self, operand: Operand) -> ir.Value:
        """Give the operand as a value."""
        return make_constant(operand) if isinstance(operand, np.ndarray) else operand

    def full(self, number: float, like: ir.Value, shape: Sequence[int] = ()) -> Array:
        """Give an array filled with one number in the dtype of a value."""
        return np.full(tuple(shape), number, dtype_of(like).numpy())

    def reshape(self, x: ir.Value, shape: Sequence[int]) -> ir.Value:
        """Give `x` in another shape of as many elements."""
        shape = tuple(int(size) for size in shape)
        assert math.prod(shape) == math.prod(shape_of(x)), (shape, shape_of(x))
        if shape == shape_of(x):
            return x
        if is_constant(x):
            return reshaped_constant(x, shape)
        return on_grid_of(x, self.op("RESHAPE", [x, np.array(shape, np.int32)], shape, dtype_of(x), new_shape=shape))

    def pin(self, x: ir.Value) -> ir.Value:
        """Give `x` in a tensor of its own, by a RESHAPE that changes nothing; one that is empty comes of a FILL.

        Raises:
            Refused: when the runtime has no such tensors.
        """
        shape = shape_of(x)
        operands = [x, make_constant(np.array(shape, np.int32))]
        if 0 in shape:
            return self._made("FILL", [operands[1], make_constant(self.full(0, x))], [(shape, dtype_of(x))], {})[0]
        _check("RESHAPE", operands)
        return on_grid_of(x, self._made("RESHAPE", operands, [(shape, dtype_of(x))], {"new_shape": shape})[0])

    def transpose(self, x: ir.Value, permutation: Sequence[int]) -> ir.Value:
        """Give `x` with its axes permuted: axis `i` of the result is axis `permutation[i]` of `x`."""
        permutation = [int(axis) for axis in permutation]
        if permutation == list(range(len(permutation))):
            return x
        if is_constant(x):
            return transposed_constant(x, permutation)
        shape = [shape_of(x)[axis] for axis in permutation]
        return on_grid_of(x, self.op("TRANSPOSE", [x, np.array(permutation, np.int32)], shape, dtype_of(x)))

    def channels_last(self, x: ir.Value) -> ir.Value:
        """Move axis 1 to the end: [N, C, …] → [N, …, C]."""
        rank = len(shape_of(x))
        return self.transpose(x, (0, *range(2, rank), 1))

    def channels_first(self, x: ir.Value) -> ir.Value:
        """Move the last axis to place 1: [N, …, C] → [N, C, …]."""
        rank = len(shape_of(x))
        return self.transpose(x, (0, rank - 1, *range(1, rank - 1)))

    def cast(self, x: ir.Value, dtype: ir.DataType) -> ir.Value:
        """Give `x` in another dtype."""
        if dtype_of(x) == dtype:
            return x
        if dtype not in KERNELS["CAST"].dtypes:
            raise Refused(f"no kernel casts to {dtype_name(dtype)}")
        return self.op("CAST", [x], shape_of(x), dtype)

    def reduce(self, operator: str, x: ir.Value, axes: Sequence[int], *, keep: bool = True) -> ir.Value:
        """Reduce over axes; none reduces nothing."""
        rank = len(shape_of(x))
        axes = sorted({axis % rank for axis in axes}) if rank else []
        shape = [1 if axis in axes else size for axis, size in enumerate(shape_of(x)) if keep or axis not in axes]
        return self.op(operator, [x, np.array(axes, np.int32)], shape, dtype_of(x), keep_dims=keep)

    def pad(self, x: ir.Value, pads: Sequence[tuple[int, int]], number: float = 0) -> ir.Value:
        """Add `(before, after)` elements of one number along every axis."""
        if not any(before or after for before, after in pads):
            return x
        shape = [size + before + after for size, (before, after) in zip(shape_of(x), pads, strict=True)]
        amounts = np.array(pads, np.int32)
        if number == 0:
            return self.op("PAD", [x, amounts], shape, dtype_of(x))
        return self.op("PADV2", [x, amounts, self.full(number, x)], shape, dtype_of(x))

    def slice(
        self, x: ir.Value, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int] | None = None
    ) -> ir.Value:
        """Cut `x[start:stop:step]` along every axis; the bounds are already clamped, the steps positive."""
        steps = list(steps or [1] * len(starts))
        bounds = list(zip(starts, stops, steps, strict=True))
        shape = [max(0, -(-(stop - start) // step)) for start, stop, step in bounds]
        if tuple(shape) == shape_of(x):
            return x
        array = constant_of(x)
        if array is not None:
            return make_constant(np.ascontiguousarray(array[tuple(slice(*bound) for bound in bounds)]))
        begin, end, stride = (np.array(part, np.int32) for part in zip(*bounds, strict=True))
        return self.op("STRIDED_SLICE", [x, begin, end, stride], shape, dtype_of(x))

    def concat(self, values: Sequence[ir.Value], axis: int) -> ir.Value:
        """Join values along an axis."""
        if len(values) == 1:
            return values[0]
        shape = list(shape_of(values[0]))
        axis %= len(shape)
        shape[axis] = sum(shape_of(value)[axis] for value in values)
        return self.op("CONCATENATION", values, shape, dtype_of(values[0]), axis=axis)

    def gather(self, x: Operand, indices: Operand, axis: int) -> ir.Value:
        """Pick slices of `x` along an axis by indices that are not negative."""
        x, indices = self.value(x), self.value(indices)
        shape = shape_of(x)
        axis %= len(shape)
        picked = (*shape[:axis], *shape_of(indices), *shape[axis + 1 :])
        return self.op("GATHER", [x, indices], picked, dtype_of(x), axis=axis)


def _attribute(name: str, value: Attribute) -> ir.Attr:
    if isinstance(value, str):
        return ir.AttrString(name, value)
    if isinstance(value, float):
        return ir.AttrFloat32(name, value)
    if isinstance(value, int | np.integer):
        return ir.AttrInt64(name, int(value))
    return ir.AttrInt64s(name, [int(entry) for entry in value])


_NO_KERNEL = Kernel(frozenset())


def _check(operator: str, values: Sequence[ir.Value | None]) -> None:
    kernel = KERNELS[operator]
    value = values[kernel.operand]
    assert value is not None, operator
    if has_grid(value):
        kernel = INTEGER_KERNELS.get(operator, _NO_KERNEL)
    if dtype_of(value) not in kernel.dtypes:
        raise Refused(f"the runtime has no {operator} for {dtype_name(dtype_of(value))}")
    rank = max(len(shape_of(entry)) for entry in values if entry is not None)
    if kernel.max_rank is not None and rank > kernel.max_rank:
        raise Refused(f"the runtime has {operator} up to rank {kernel.max_rank}, not {rank}")
