"""Float values seen as the integers behind them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..dialect import constant_of, dtype_of, is_constant, make_constant, operand, shape_of
from ..quantization import Quantization, grid_of, has_grid, integers_of, put_on
from .stays import Stays


def grid_in(node: ir.Node) -> Quantization:
    """Read the grid that a QUANTIZE puts reals on, or that a DEQUANTIZE takes them from."""
    return Quantization((node.attributes["scale"].as_float(),), node.attributes["zero_point"].as_int())


def is_from_grid(value: ir.Value | None) -> bool:
    """Whether a float value is what a DEQUANTIZE gives."""
    producer = value.producer() if value is not None else None
    return producer is not None and producer.op_type == "DEQUANTIZE" and "scale" in producer.attributes


def behind(value: ir.Value) -> ir.Value | None:
    """Give the integers that a DEQUANTIZE makes this float value of; None for any other value."""
    if not is_from_grid(value):
        return None
    producer = value.producer()
    assert producer is not None
    source, grid = operand(producer, 0), grid_in(producer)
    if not has_grid(source):
        put_on(source, grid)
    return source if grid_of(source) == grid and dtype_of(source) != ir.DataType.UINT8 else None


def as_integers(value: ir.Value, dtype: ir.DataType) -> ir.Value:
    """Give the integers of this dtype behind a float value: of a DEQUANTIZE, or of a constant on one grid.

    Raises:
        Stays: when there are none.
    """
    if is_constant(value):
        return constant_integers(value, dtype)
    found = behind(value)
    if found is None:
        raise Stays(f"an operand of it, {value.name}, is float")
    if dtype_of(found) != dtype:
        raise Stays("its operands are integers of different widths")
    return found


def constant_integers(value: ir.Value, dtype: ir.DataType) -> ir.Value:
    """Give a constant on one grid as integers; a single number is on a grid of its own, exactly.

    Raises:
        Stays: when the constant is on no grid, or on one for each channel.
    """
    known, array = integers_of(value), constant_of(value)
    assert array is not None
    if known is None and array.size == 1 and np.isfinite(array).all():
        number = float(array.item())
        grid = Quantization((float(np.float32(abs(number) / 127 or 1.0)),))
        known = (np.full(array.shape, np.sign(number) * 127, np.int8), grid)
    if known is None or len(known[1].scales) > 1:
        raise Stays("a constant of it has no scale" if known is None else "a constant of it has a scale a channel")
    integers, grid = known
    if integers.dtype == np.int8 and dtype == ir.DataType.INT16 and grid.zero_point == 0:
        integers = integers.astype(np.int16)
    if ir.DataType.from_numpy(integers.dtype) != dtype:
        raise Stays(f"a constant of it is quantized to {integers.dtype}")
    return put_on(make_constant(integers, value.name), grid)


def requantized(b: Builder, value: ir.Value, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """Give integers on another grid or in another width, by QUANTIZE where it is another."""
    if grid_of(value) == grid and dtype_of(value) == dtype:
        return value
    array = constant_of(value)
    if array is not None:
        return put_on(make_constant(grid.integers(grid_of(value).reals(array), dtype), value.name), grid)
    return quantize(b, value, grid, dtype)


def quantize(b: Builder, value: ir.Value, grid: Quantization, dtype: ir.DataType) -> ir.Value:
    """Make a QUANTIZE."""
    attributes = {"scale": grid.scale, "zero_point": grid.zero_point}
    return put_on(b.op("QUANTIZE", [value], shape_of(value), dtype, **attributes), grid)
