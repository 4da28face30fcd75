"""QuantizeLinear and DequantizeLinear: QUANTIZE and DEQUANTIZE where they stand for a grid of reals."""

from __future__ import annotations

from collections.abc import Sequence

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import Array, dtype_name, dtype_of, is_constant, shape_of
from ..quantization import Blocks, Quantization, dequantized, dequantized_blocks, put_on
from .grids_at_run_time import dequantize_at_run_time, quantize_at_run_time
from .lowering import Lowering

_KERNELS = frozenset({ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT16})
_SHIFT_OF_UINT8 = 128
_SHIFT = "shift"
"""Under this key a value knows by how much its integers are less than those of the hub."""


def lower_quantize(call: Call, b: Builder) -> ir.Value:
    """One grid for the tensor, all of whose users take reals again: QUANTIZE; else the definition, step by step."""
    if not all(is_constant(value) for value in call.inputs[1:] if value is not None):
        return quantize_at_run_time(call, b)
    x, dtype = call[0], _dtype(call)
    scale, zero_point = call.constant(1, "scale"), _zero_point(call, dtype)
    if _has_kernel(dtype, scale, zero_point) and _is_for_reals(call):
        # eight bits of either sign are the same grid; the kernels are those of int8
        signed, shift = (ir.DataType.INT8, _SHIFT_OF_UINT8) if dtype == ir.DataType.UINT8 else (dtype, 0)
        grid = {"scale": float(scale.item()), "zero_point": int(zero_point.item()) - shift}
        result = b.op("QUANTIZE", [x], shape_of(x), signed, **grid)
        result.meta[_SHIFT] = shift
        return result
    steps = b.unary("ROUND", b.binary("DIV", x, _along(call, scale, dtype_of(x))))
    limits = np.iinfo(dtype.numpy())
    shifted = b.binary("ADD", steps, _along(call, zero_point, dtype_of(x)))
    kept = b.binary("MINIMUM", b.binary("MAXIMUM", shifted, b.full(limits.min, shifted)), b.full(limits.max, shifted))
    return b.cast(kept, dtype)


def lower_dequantize(call: Call, b: Builder) -> ir.Value:
    """One grid for the tensor: DEQUANTIZE; else the definition, step by step."""
    if not all(is_constant(value) for value in call.inputs[1:] if value is not None):
        return dequantize_at_run_time(call, b)
    x = call[0]
    scale, dtype = call.constant(1, "scale"), dtype_of(x)
    if scale.dtype != np.float32:
        raise Refused(f"its scale is {dtype_name(ir.DataType.from_numpy(scale.dtype))}, not float32")
    zero_point = call.constant(2, "zero point") if call.has(2) else np.zeros_like(scale, np.int32)
    if _has_kernel(dtype, scale, zero_point):
        shift = x.meta.get(_SHIFT, 0)
        if dtype == ir.DataType.UINT8 and _is_input_of_reals(call):
            put_on(x, Quantization((float(scale.item()),), int(zero_point.item())))
            shift = _SHIFT_OF_UINT8
        grid = {"scale": float(scale.item()), "zero_point": int(zero_point.item()) - shift}
        if shift and dtype == ir.DataType.UINT8:
            x = b.op("QUANTIZE", [x], shape_of(x), ir.DataType.INT8, **grid)
        return b.op("DEQUANTIZE", [x], shape_of(x), ir.DataType.FLOAT, **grid)
    if dtype not in (*_KERNELS, ir.DataType.UINT16, ir.DataType.INT32):
        raise Refused(f"integers of {dtype_name(dtype)}")
    steps = b.binary("SUB", b.cast(x, ir.DataType.INT32), _along(call, zero_point, ir.DataType.INT32))
    return b.binary("MUL", b.cast(steps, ir.DataType.FLOAT), _along(call, scale, ir.DataType.FLOAT))


def _has_kernel(dtype: ir.DataType, scale: Array, zero_point: Array) -> bool:
    """Whether the runtime's kernels take this grid: one for the tensor, and symmetric where it is of int16."""
    return dtype in _KERNELS and scale.size == 1 and (dtype != ir.DataType.INT16 or not zero_point.any())


def _dtype(call: Call) -> ir.DataType:
    """Give the dtype of the integers: that of the zero point, else what the node says, else uint8."""
    if call.integer("precision", 0) not in (0, ir.DataType.FLOAT) or dtype_of(call[0]) != ir.DataType.FLOAT:
        raise Refused("it does not divide in float32")
    dtype = dtype_of(call[2]) if call.has(2) else ir.DataType(call.integer("output_dtype", 0) or ir.DataType.UINT8)
    if dtype not in (*_KERNELS, ir.DataType.UINT16):
        raise Refused(f"to {dtype_name(dtype)}")
    return dtype


def _zero_point(call: Call, dtype: ir.DataType) -> Array:
    return call.constant(2, "zero point") if call.has(2) else np.zeros(1, dtype.numpy())


def _is_for_reals(call: Call) -> bool:
    """Whether the integers are only ever seen as the reals that they stand for, or end a graph of such integers.

    Elsewhere they are numbers of their own, and every one has to be right; the kernels round halves in ways of theirs.
    """
    value, source = call.node.outputs[0], call.node.inputs[0]
    maker = source.producer() if source is not None else None
    makers = [entry.producer() for entry in maker.inputs if entry is not None] if maker is not None else []
    on_grids = any(made is not None and made.op_type == "DequantizeLinear" for made in makers)
    ends = value.is_graph_output() and on_grids and _dtype(call) != ir.DataType.UINT8
    return (ends or not value.is_graph_output()) and all(use.node.op_type == "DequantizeLinear" for use in value.uses())


def _is_input_of_reals(call: Call) -> bool:
    value = call.node.inputs[0]
    return value is not None and value.is_graph_input() and len(value.uses()) == 1 and not value.is_graph_output()


def _along(call: Call, array: Array, dtype: ir.DataType) -> Array:
    """Shape a scale or zero point so that it broadcasts: one for all, one a slice along `axis`, or one a block."""
    array = array.astype(dtype.numpy())
    shape = shape_of(call[0])
    if array.size == 1:
        return array.reshape(())
    axis = call.axis(1)
    block = call.integer("block_size", 0)
    if block:
        return np.ascontiguousarray(array.repeat(block, axis).take(range(shape[axis]), axis))
    return array.reshape([-1 if place == axis else 1 for place in range(len(shape))])


def constant_on_grid(node: ir.Node, arrays: Sequence[Array | None]) -> ir.Value | None:
    """Compute a DequantizeLinear of constants, keeping in mind the integers that it stands for.

    None when they are of a kind that nothing can be made of: the zero points differ, or a scale is no positive number.
    """
    integers, scale, zero_point = arrays[0], arrays[1], arrays[2] if len(arrays) > 2 else None
    if integers is None or scale is None or scale.dtype != np.float32 or not np.all(np.isfinite(scale) & (scale > 0)):
        return None
    points = {0} if zero_point is None else set(zero_point.astype(np.int64).ravel().tolist())
    if len(points) != 1:
        return None
    point, name = points.pop(), node.outputs[0].name
    axis = (node.attributes["axis"].as_int() if "axis" in node.attributes else 1) % max(integers.ndim, 1)
    size = node.attributes["block_size"].as_int() if "block_size" in node.attributes else 0
    if size:
        known = integers.dtype in (np.int8, ml_dtypes.int4) and point == 0
        return dequantized_blocks(integers, Blocks(scale, axis, size), name) if known else None
    if integers.dtype == np.uint8:
        integers, point = (integers.astype(np.int16) - _SHIFT_OF_UINT8).astype(np.int8), point - _SHIFT_OF_UINT8
    if integers.dtype not in (np.int8, np.int16, np.int32, ml_dtypes.int4):
        return None
    scales = tuple(float(entry) for entry in scale.ravel())
    return dequantized(integers, Quantization(scales, point, axis if len(scales) > 1 else 0), name)


LOWERINGS: dict[str, Lowering] = {"DequantizeLinear": lower_dequantize, "QuantizeLinear": lower_quantize}
