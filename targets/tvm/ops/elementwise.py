"""Arithmetic, element by element."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Final

import numpy as np

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .elements import Element, either, elementwise, whole
from .extremes import larger, smaller
from .pieces import in_float32, is_float, number, reshaped, sizes_of, times, widened
from .tanh import tanh
from .wrapping import wrapped, wrapping

_UNARY: Final[Mapping[str, str]] = {
    **{name: name.lower() for name in ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Ceil", "Cos", "Cosh")},
    **{name: name.lower() for name in ("Erf", "Exp", "Floor", "Log", "Round", "Sin", "Sinh", "Sqrt", "Tan")},
}
"""ONNX operator → Relax's of the same meaning; `round` goes to even as ONNX's does."""

_BINARY: Final[Mapping[str, str]] = {
    "Add": "add",
    "Mean": "add",
    "Mul": "multiply",
    "Sub": "subtract",
    "Sum": "add",
}
"""ONNX operator → Relax's of two operands that broadcast; some take more, in turn."""


def unary(call: Call[Expr], b: Builder) -> Expr:
    """Work on one operand of reals; TVM has few of these functions for 16 bits."""
    return in_float32(lambda x: b.op(getattr(relax().op, _UNARY[call.op]), x), b, call[0])


def binary(call: Call[Expr], b: Builder) -> Expr:
    """Work on operands that broadcast, in turn. Sums of several reals of 16 bits are rounded once."""
    name, dtype = _BINARY[call.op], call.dtype().name
    if "INT" in dtype:
        return reduce(lambda x, y: wrapping(b, name, partial(wrapped, name), x, y), call.all())
    operands = _operands(call, b)
    if len(operands) > 2:
        operands = [widened(b, operand) for operand in operands]
    result = reduce(lambda x, y: b.op(getattr(relax().op, name), x, y), operands)
    return reshaped(b, b.op(relax().op.astype, result, _own(call)) if len(operands) > 2 else result, _shape(call))


def divide(call: Call[Expr], b: Builder) -> Expr:
    """Div; integers are rounded towards zero."""
    if is_float(call[0]):
        return reshaped(b, b.op(relax().op.divide, *_operands(call, b)), _shape(call))
    return wrapping(b, "divide", quotient, call[0], call[1])


def _operands(call: Call[Expr], b: Builder) -> list[Expr]:
    """Give the operands. TVM computes with a scalar constant 0 by its own rules: x · 0 and 0 / x are 0, also of ∞.

    A tensor of one such element is not looked at.
    """
    operands = []
    for place in range(len(call.inputs)):
        constant = call.constant(place, "operand") if call.is_constant(place) else None
        scalar = constant is not None and constant.ndim == 0 and not constant
        operands.append(b.const(np.asarray(constant).reshape(1)) if scalar else call[place])
    return operands


def _shape(call: Call[Expr]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(call.shape(place) for place in range(len(call.inputs))))


def _own(call: Call[Expr]) -> str:
    return dtype_of(call[0])


def quotient(x: Element, y: Element) -> Element:
    """Divide integers towards zero. Where the CPU would stop: by 0 the result is 0, by −1 the number wraps."""
    dtype = str(x.ty.dtype)
    zero, one = whole(0, dtype), whole(1, dtype)
    if dtype.startswith("u"):
        return either(y == zero, zero, tirx().truncdiv(x, either(y == zero, one, y)))
    opposite = y == whole(-1, dtype)
    safe = tirx().truncdiv(x, either(tirx().any(y == zero, opposite), one, y))
    return either(opposite, wrapped("subtract", zero, x), either(y == zero, zero, safe))


def remainder(x: Element, y: Element, sign_of_divisor: bool) -> Element:
    """Give what a division of integers leaves, with the sign of the dividend or the divisor; 0 of a division by 0."""
    dtype = str(x.ty.dtype)
    zero, one = whole(0, dtype), whole(1, dtype)
    bad = y == zero if dtype.startswith("u") else tirx().any(y == zero, y == whole(-1, dtype))
    rest = either(bad, zero, tirx().truncmod(x, either(bad, one, y)))
    if dtype.startswith("u") or not sign_of_divisor:
        return rest
    differs = tirx().all(rest != zero, tirx().bitwise_xor(rest, y) < zero)
    return either(differs, rest + y, rest)


def modulo(call: Call[Expr], b: Builder) -> Expr:
    """Mod, with the sign of the divisor, or of the dividend with `fmod`."""
    x, y = call[0], call[1]
    divisor = not call.integer("fmod", 0)
    if is_float(x):
        x, y = widened(b, x), widened(b, y)
        result = elementwise(b, "fmod", partial(_rest_of_floats, sign_of_divisor=divisor), x, y)
        return result if dtype_of(result) == _own(call) else b.op(relax().op.astype, result, _own(call))
    return wrapping(b, "modulo", partial(remainder, sign_of_divisor=divisor), x, y)


def _rest_of_floats(x: Element, y: Element, sign_of_divisor: bool) -> Element:
    dtype = str(x.ty.dtype)
    rest = tirx().call_pure_extern(dtype, "fmodf" if dtype == "float32" else "fmod", x, y)
    if not sign_of_divisor:
        return rest
    zero = tirx().const(0.0, dtype)
    differs = tirx().any(tirx().all(rest < zero, zero < y), tirx().all(zero < rest, y < zero))
    return either(differs, rest + y, rest)


def extreme(call: Call[Expr], b: Builder) -> Expr:
    """Max and Min of any number of operands; a NaN among them is the result."""
    choose = larger if call.op == "Max" else smaller
    operands = [widened(b, operand) for operand in call.all()]
    result = reduce(lambda x, y: elementwise(b, call.op.lower(), choose, x, y), operands)
    return _as(b, result, _own(call))


def mean(call: Call[Expr], b: Builder) -> Expr:
    """Average operands that broadcast."""
    count = len(call.inputs)
    if count == 1:
        return call[0]
    operands = [widened(b, operand) for operand in call.all()]
    total = reduce(lambda x, y: b.op(relax().op.add, x, y), operands)
    result = b.op(relax().op.divide, total, number(b, total, count))
    return result if dtype_of(result) == _own(call) else b.op(relax().op.astype, result, _own(call))


def negate(call: Call[Expr], b: Builder) -> Expr:
    """Neg; the lowest number of a signed dtype stays what it is."""
    if is_float(call[0]):
        return b.op(relax().op.negative, call[0])
    return wrapping(b, "negative", lambda x: wrapped("subtract", whole(0, str(x.ty.dtype)), x), call[0])


def absolute(call: Call[Expr], b: Builder) -> Expr:
    """Abs; the lowest number of a signed dtype stays what it is."""
    x = call[0]
    if is_float(x):
        return b.op(relax().op.abs, x)
    if dtype_of(x).startswith("u"):
        return x

    def element(x: Element) -> Element:
        zero = whole(0, str(x.ty.dtype))
        return either(x < zero, wrapped("subtract", zero, x), x)

    return wrapping(b, "abs", element, x)


def sign(call: Call[Expr], b: Builder) -> Expr:
    """Sign; that of NaN is NaN."""

    def element(x: Element) -> Element:
        dtype = str(x.ty.dtype)
        zero, one = tirx().const(0, dtype), tirx().const(1, dtype)
        below = x if dtype.startswith("u") else either(x < zero, -one, x)
        return either(x > zero, one, below)

    return in_float32(lambda x: elementwise(b, "sign", element, x), b, call[0])


def reciprocal(call: Call[Expr], b: Builder) -> Expr:
    """Reciprocal."""
    return b.op(relax().op.divide, number(b, call[0], 1.0), call[0])


def tangent(call: Call[Expr], b: Builder) -> Expr:
    """Tanh."""
    return in_float32(lambda x: elementwise(b, "tanh", tanh, x), b, call[0])


def inverse_tanh(call: Call[Expr], b: Builder) -> Expr:
    """Atanh, as (log(1 + x) − log(1 − x)) / 2 without a rounding before the logarithm."""

    def element(x: Element) -> Element:
        return (tirx().log1p(x) - tirx().log1p(-x)) * tirx().const(0.5, str(x.ty.dtype))

    return in_float32(lambda x: elementwise(b, "atanh", element, x), b, call[0])


def power(call: Call[Expr], b: Builder) -> Expr:
    """Pow; the result has the dtype of the base. Powers of integers by integers are products that wrap."""
    x, y = call[0], call[1]
    if is_float(x):
        exponents = np.unique(call.constant(1, "exponent")) if call.is_constant(1) else np.empty(0)
        if [*exponents] == [2] and np.broadcast_shapes(sizes_of(x), sizes_of(y)) == sizes_of(x):
            return times(b, x, x)
        wide = widened(b, x)
        result = b.op(relax().op.power, wide, y if dtype_of(y) == dtype_of(wide) else _as(b, y, dtype_of(wide)))
        return _as(b, result, dtype_of(x))
    if is_float(y):  # as ONNX Runtime: in float64, and what is behind the point is cut off
        reals = b.op(relax().op.power, _as(b, x, "float64"), _as(b, y, "float64"))
        return _as(b, _as(b, reals, "int64"), dtype_of(x))
    number = np.unique(call.constant(1, "exponent")) if call.is_constant(1) else np.empty(0)
    if [*number] == [2] and np.broadcast_shapes(sizes_of(x), sizes_of(y)) == sizes_of(x):
        return wrapping(b, "square", lambda x: wrapped("multiply", x, x), x)
    return _whole_power(b, x, _as(b, y, "int64"))


def _as(b: Builder, x: Expr, dtype: str) -> Expr:
    return x if dtype_of(x) == dtype else b.op(relax().op.astype, x, dtype)


_EXPONENT_BITS: Final = 6
"""An exponent beyond 63 overflows, or has the base 0, 1 or −1, where only its parity counts."""


def _whole_power(b: Builder, x: Expr, exponent: Expr) -> Expr:
    """Multiply x, x², x⁴ … as the bits of the exponent say; below zero the result is a fraction, cut to 0."""

    def seen(y: Element) -> Element:
        return either(y > whole(63), tirx().bitwise_or(tirx().bitwise_and(y, whole(1)), whole(62)), y)

    bits = elementwise(b, "exponent", seen, exponent)
    square, result = x, elementwise(b, "one", lambda x, _: whole(1, str(x.ty.dtype)), x, exponent)
    for place in range(_EXPONENT_BITS):
        result = wrapping(b, "multiply_by_square", _taken(place), result, square, bits)
        square = wrapping(b, "square", lambda x: wrapped("multiply", x, x), square)

    def finished(power: Element, x: Element, y: Element) -> Element:
        dtype = str(x.ty.dtype)
        unit = (
            x == whole(1, dtype) if dtype.startswith("u") else tirx().any(x == whole(1, dtype), x == whole(-1, dtype))
        )
        return either(tirx().any(y >= whole(0), unit), power, whole(0, dtype))

    return elementwise(b, "power", finished, result, x, exponent)


def _taken(place: int) -> Callable[[Element, Element, Element], Element]:
    """Multiply by a square where the exponent has that bit."""

    def element(result: Element, square: Element, bits: Element) -> Element:
        bit = tirx().bitwise_and(tirx().shift_right(bits, whole(place)), whole(1))
        return either(bit == whole(1), wrapped("multiply", result, square), result)

    return element


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(_BINARY, binary),
    "Abs": absolute,
    "Atanh": inverse_tanh,
    "Tanh": tangent,
    "Div": divide,
    "Max": extreme,
    "Mean": mean,
    "Min": extreme,
    "Mod": modulo,
    "Neg": negate,
    "Pow": power,
    "Reciprocal": reciprocal,
    "Sign": sign,
}
