"""Integers that stand for reals, computed as reals on a grid."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ...tflite.quantization import grid_of, has_grid
from ..builder import Builder
from ..call import Call
from ..graph import DType, Tensor
from .fused import clipped
from .lowering import Lowering

ROUND_TO_GRID = "ROUND_TO_GRID"
"""QUANTIZE and DEQUANTIZE by one grid, as one node: reals to the nearest reals on the grid."""


def quantize(call: Call, b: Builder) -> Tensor:
    """QUANTIZE: saturate(round_half_even(x / scale) + zero point), in float32 as ONNX defines it."""
    point, dtype = call.integer("zero_point", 0), call.result_hub_dtype()
    if call[0].dtype is DType.INT:
        return _moved(call, b, point)
    steps = _steps(call, b)
    limits = np.iinfo(dtype.numpy())
    shifted = steps if point == 0 else b.binary("AddV2", steps, float(point))
    return b.cast(clipped(b, shifted, limits.min, limits.max), DType.INT)


def _moved(call: Call, b: Builder, point: int) -> Tensor:
    """Bring integers of one grid to another of the same scale; nothing saturates that the first grid holds."""
    value = call.value(0)
    if not has_grid(value) or grid_of(value).scales != (call.real("scale", 1.0),):
        raise Refused("integers of one scale to those of another")
    limits, own = np.iinfo(call.result_hub_dtype().numpy()), np.iinfo(call.hub_dtype().numpy())
    shift = point - grid_of(value).zero_point
    if own.min + shift < limits.min or own.max + shift > limits.max:
        raise Refused("integers that the other grid does not hold")
    return call[0] if shift == 0 else b.binary("AddV2", call[0], shift)


def dequantize(call: Call, b: Builder) -> Tensor:
    """DEQUANTIZE: (x − zero point) · scale; float16 is held as float32 already."""
    x = call[0]
    if call.hub_dtype() == ir.DataType.FLOAT16:
        return b.unary("Identity", x)
    point = call.integer("zero_point", 0)
    steps = x if point == 0 else b.binary("Sub", x, point)
    return b.binary("Mul", b.cast(steps, DType.FLOAT), call.real("scale", 1.0))


def round_to_grid(call: Call, b: Builder) -> Tensor:
    """ROUND_TO_GRID: the integers less the zero point never leave float32, which holds them exactly."""
    low, high = call.integer("low", 0), call.integer("high", 0)
    return b.binary("Mul", clipped(b, _steps(call, b), low, high), call.real("scale", 1.0))


def _steps(call: Call, b: Builder) -> Tensor:
    return b.unary("Round", b.binary("RealDiv", call[0], call.real("scale", 1.0)))


LOWERINGS: dict[str, Lowering] = {"DEQUANTIZE": dequantize, "QUANTIZE": quantize, ROUND_TO_GRID: round_to_grid}
