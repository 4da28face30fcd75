"""QLinearMatMul and QLinearConv: integer products, then brought onto the grid of the result."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .convolution import FLOAT32_EXACT, convolved, shifted
from .dtypes import name_of
from .linear import integer_product
from .lowering import Lowering
from .pieces import reshaped

_ENDS: Mapping[ir.DataType, tuple[float, float]] = {
    ir.DataType.INT8: (-128.0, 127.0),
    ir.DataType.UINT8: (0.0, 255.0),
}


def qlinear_matmul(call: Call, b: Builder) -> Var:
    """QLinearMatMul; scales and zero points of the operands are one for all, or one a row left and a column right."""
    scales = [_scale(call, b, index) for index in (1, 4, 6)]
    if len(scales[0].shape) == 1 and scales[0].shape[0] != 1:
        scales[0] = b.op("expand_dims", x=scales[0], axes=[-1])
    total = b.cast(integer_product(call, b, (0, 3), (2, 5)), "fp32")
    return _onto_grid(call, b, total, scales, 7)


def qlinear_conv(call: Call, b: Builder) -> Var:
    """QLinearConv: a convolution of float32, in which sums of so few integers are exact; a scale a channel, or one."""
    shape = call.shape(3)
    reach = 255 * 255 * math.prod(shape[1:])
    if call.has(8):
        reach += int(np.abs(call.constant(8, "bias").astype(np.int64)).max())
    if reach > FLOAT32_EXACT:
        raise Refused(f"its sums may reach {reach}, beyond the {FLOAT32_EXACT} up to which float32 holds integers")
    channels = (-1, *[1] * (len(shape) - 2))
    x, weight = shifted(call, b, 0, 2, (1,)), shifted(call, b, 3, 5, (*channels, 1))
    bias = b.const(call.constant(8, "bias").astype(np.float32)) if call.has(8) else None
    total, _ = convolved(call, b, x, weight, bias)
    scales = [_scale(call, b, index) for index in (1, 4, 6)]
    if len(scales[1].shape):
        scales[1] = reshaped(b, scales[1], channels)
    return _onto_grid(call, b, total, scales, 7)


def _scale(call: Call, b: Builder, index: int) -> Var:
    return b.cast(call[index], "fp32")


def _onto_grid(call: Call, b: Builder, total: Var, scales: list[Var], zero: int) -> Var:
    """Give saturate(round(total · s₀ · s₁ / s₂) + zero point), half to even."""
    dtype = call.result_dtype()
    if dtype not in _ENDS:
        raise Refused(f"a result of {name_of(dtype)}")
    factor = b.op("real_div", x=b.op("mul", x=scales[0], y=scales[1]), y=scales[2])
    y = b.op("round", x=b.op("mul", x=total, y=factor))
    if call.has(zero):
        y = b.op("add", x=y, y=b.cast(call[zero], "fp32"))
    low, high = _ENDS[dtype]
    return b.cast(b.op("clip", x=y, alpha=low, beta=high), "int32")


LOWERINGS: dict[str, Lowering] = {"QLinearConv": qlinear_conv, "QLinearMatMul": qlinear_matmul}
