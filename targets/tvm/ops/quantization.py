"""Integers that stand for reals, computed as ONNX defines them: QuantizeLinear, DequantizeLinear, QLinear products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ....compiler.model import dtype_name
from ..builder import DTYPES, Builder, Expr
from ..lowering import Lowering
from ..toolkit import te, tirx
from .convolution import integer_convolution
from .elements import elementwise
from .linear import integer_product
from .pieces import by_channel, cast, plus, reshaped, sizes_of

_INTEGERS = frozenset({ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT16, ir.DataType.UINT16})
"""What QuantizeLinear gives here; TVM has no tensors of fewer bits."""

Element = Any
"""An expression of one element, `tvm.tirx.Expr`."""


def quantize_linear(call: Call[Expr], b: Builder) -> Expr:
    """QuantizeLinear: clip(round_half_to_even(x / scale) + zero point), divided in the scale's precision."""
    dtype = call.result_dtype()
    if dtype not in _INTEGERS:
        raise Refused(f"TVM has no tensors of {dtype_name(dtype)}")
    if call.integer("precision", 0) not in (0, call.dtype(1)):
        raise Refused("it divides in another precision than its scale's")
    precision, own = dtype_name(call.dtype(1)), _own(call)
    if precision == "bfloat16":
        raise Refused("it divides in bfloat16")

    def element(at: tuple[Any, ...], x: Any, scale: Any, *zero_point: Any) -> Element:
        part = x(*at).astype(precision) / own(scale, at)
        return onto_grid(part, *(own(zero, at) for zero in zero_point), dtype=dtype_name(dtype))

    return b.each("quantize", call.shape(), element, *(call[index] for index in range(3) if call.has(index)))


def onto_grid(x: Element, *zero_point: Element, dtype: str) -> Element:
    """Give a real, already divided by the scale, as an integer: rounded half to even, moved, and held."""
    rounded = te().nearbyint(x).astype("float32")
    for zero in zero_point:
        rounded = rounded + zero.astype("float32")
    info = np.iinfo(dtype)
    low, high = (tirx().const(float(end), "float32") for end in (info.min, info.max))
    return te().max(te().min(rounded, high), low).astype(dtype)


def dequantize_linear(call: Call[Expr], b: Builder) -> Expr:
    """DequantizeLinear: (x − zero point) · scale; constants are computed here."""
    dtype = dtype_name(call.result_dtype())
    if all(call.is_constant(index) for index in range(3) if call.has(index)):
        return cast(b, b.const(_reals(call)), dtype)
    if dtype_name(call.dtype()) not in DTYPES:
        raise Refused(f"TVM has no tensors of {dtype_name(call.dtype())}")
    own = _own(call)

    def element(at: tuple[Any, ...], x: Any, scale: Any, *zero_point: Any) -> Element:
        distance = x(*at).astype("int32")
        for zero in zero_point:
            distance = distance - own(zero, at).astype("int32")
        # 17 bits at the most, or the int32 that has no zero point but 0
        return (distance.astype("float32") * own(scale, at).astype("float32")).astype(dtype)

    return b.each("dequantize", call.shape(), element, *(call[index] for index in range(3) if call.has(index)))


def _reals(call: Call[Expr]) -> NDArray[Any]:
    """Give the reals of constant integers, float32, or float64 of such a scale."""
    integers, scale = call.constant(0, "integers"), call.constant(1, "scale")
    wide = np.float64 if scale.dtype == np.float64 else np.float32
    exact = np.int64 if dtype_name(call.dtype()).lstrip("u").startswith("int") else wide
    distance = integers.astype(exact)
    if call.has(2):
        distance = distance - _over(call, call.constant(2, "zero point")).astype(exact)
    reals: NDArray[Any] = distance.astype(wide) * _over(call, scale).astype(wide)
    return reals


def _over(call: Call[Expr], part: NDArray[Any]) -> NDArray[Any]:
    """Repeat constant scales or zero points until each integer has one of its own."""
    shape, axis, block = call.shape(), _axis(call), call.integer("block_size", 0)
    if block:
        wide = np.repeat(part, block, axis=axis)
        return wide[tuple(slice(size) for size in shape)]
    if part.size == 1:
        return np.broadcast_to(part.reshape(()), shape)
    return np.broadcast_to(part.reshape([-1 if place == axis else 1 for place in range(len(shape))]), shape)


def _own(call: Call[Expr]) -> Callable[[Any, Sequence[Any]], Element]:
    """Give what finds the scale or zero point of an element: one for all, one a place along an axis, or one a block."""
    axis, block = _axis(call), call.integer("block_size", 0)

    def own(part: Any, at: Sequence[Any]) -> Element:
        sizes = [int(size) for size in part.shape]
        if block:
            return part(*(index // block if place == axis else index for place, index in enumerate(at)))
        if int(np.prod(sizes)) == 1:
            return part(*[0] * len(sizes))
        return part(at[axis])

    return own


def _axis(call: Call[Expr]) -> int:
    axis, rank = call.integer("axis", 1), call.rank()
    return axis % rank if -rank <= axis < rank else 0


def qlinear_conv(call: Call[Expr], b: Builder) -> Expr:
    """QLinearConv: a convolution in int32, brought onto the grid of the result; a scale for each filter, or one."""
    total = integer_convolution(call, b, (0, 3), (2, 5))
    rank = len(sizes_of(total))
    if call.has(8):
        total = plus(b, total, by_channel(b, call[8], rank))
    scales = [_scale(call, b, index) for index in (1, 4, 6)]
    if sizes_of(scales[1]):
        scales[1] = by_channel(b, scales[1], rank)
    return _requantized(call, b, total, scales)


def qlinear_matmul(call: Call[Expr], b: Builder) -> Expr:
    """QLinearMatMul; scales and zero points of the operands are one for all, or one a row left and a column right."""
    total = integer_product(call, b, (0, 3), (2, 5))
    scales = [_scale(call, b, index) for index in (1, 4, 6)]
    if len(sizes_of(scales[0])) == 1:
        scales[0] = reshaped(b, scales[0], (sizes_of(scales[0])[0], 1))
    return _requantized(call, b, total, scales)


def _scale(call: Call[Expr], b: Builder, index: int) -> Expr:
    scale = cast(b, call[index], "float32")
    return reshaped(b, scale, ()) if sizes_of(scale) == (1,) else scale


def _requantized(call: Call[Expr], b: Builder, total: Expr, scales: list[Expr]) -> Expr:
    """Give saturate(round(total · s₀ · s₁ / s₂) + zero point), half to even."""
    dtype = dtype_name(call.result_dtype())
    if dtype not in ("int8", "uint8"):
        raise Refused(f"a result of {dtype}")
    points = [reshaped(b, call[7], ()) if sizes_of(call[7]) == (1,) else call[7]] if call.has(7) else []

    def element(value: Element, first: Element, second: Element, result: Element, *zero: Element) -> Element:
        return onto_grid(value.astype("float32") * (first * second / result), *zero, dtype=dtype)

    return elementwise(b, "requantize", element, total, *scales, *points)


LOWERINGS: dict[str, Lowering] = {
    "DequantizeLinear": dequantize_linear,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
    "QuantizeLinear": quantize_linear,
}
