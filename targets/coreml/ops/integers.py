"""Quotients, remainders and powers, exact where they are of integers."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var, type_name
from ..call import Call
from .broadcasting import level
from .dtypes import FLOATS, NARROW_BITS, UNSIGNED, name_of, signs_differ, wrapped
from .lowering import Lowering

_EXPONENT_BITS = 5
_OVERFLOWS = 1 << _EXPONENT_BITS
"""From this exponent on only 0, 1 and −1 have powers in int32."""


def divide(call: Call, b: Builder) -> Var:
    """Div; integers are rounded towards zero, where MIL rounds down."""
    x, y, dtype = call[0], call[1], call.dtype()
    if dtype in FLOATS:
        return b.op("real_div", *level(b, x, y))
    return wrapped(b, quotient(b, x, y, dtype in UNSIGNED), dtype)


def quotient(b: Builder, x: Var, y: Var | int, alike: bool = False) -> Var:
    """Divide integers, rounding towards zero. `alike`: no sign differs from another."""
    down = b.op("floor_div", x, y)
    if alike:
        return down
    inexact = b.op("not_equal", b.op("mul", down, y), x)
    below = b.op("logical_and", inexact, b.op("less", down, 0))
    return b.op("add", down, b.cast(below, "int32"))


def remainder(call: Call, b: Builder) -> Var:
    """Mod: MIL's has the sign of the divisor; with `fmod` the result has that of the dividend."""
    x, y, dtype = call[0], call[1], call.dtype()
    if dtype in UNSIGNED or not call.integer("fmod", 0):
        return b.op("mod", x, y)
    if dtype in FLOATS:
        return b.op("mul", b.op("sign", x), b.op("mod", b.op("abs", x), b.op("abs", y)))
    rest = b.op("mod", x, y)  # |x| of the lowest integer does not exist
    added = b.op("logical_and", b.op("not_equal", rest, 0), signs_differ(b, x, y))
    return b.op("select", added, b.op("sub", rest, y), rest)


def power(call: Call, b: Builder) -> Var:
    """Pow; the result has the dtype of the base.

    The powers of integers are products; those by exponents below zero are fractions, cut to 0.
    """
    x, base, exponent = call[0], call.dtype(), call.dtype(1)
    number = _only_number(call)
    if number is not None:
        x = _as_large(call, b)
    if number == 1:
        return x
    if base in FLOATS:
        if number == 2:  # by `square` alone: coremltools takes sqrt(pow(x, 2)) for x
            return b.op("square", x)
        if number == 0.5:
            return b.op("sqrt", x)
        if call.is_constant(1):
            return b.op("pow", x, call.constant(1, "exponent").astype(base.numpy()))
        return b.op("pow", x, b.cast(call[1], type_name(x)))
    if base in NARROW_BITS:
        raise Refused(f"powers that leave {name_of(base)} would have to wrap")
    if exponent in FLOATS and (number is None or number % 1 or number < 0):
        raise Refused("the power of an integer by a float is rounded before it is cut to an integer")
    if number is not None and 0 < number < _OVERFLOWS:
        return _fixed_power(b, x, int(number))
    return _product_of_squares(b, x, b.const(np.array(number, np.int32)) if exponent in FLOATS else call[1])


def _only_number(call: Call) -> float | None:
    """Give the one exponent of all elements, None when there are several or it is no constant."""
    exponents = np.unique(call.constant(1, "exponent")) if call.is_constant(1) else np.empty(0)
    return float(exponents.item()) if exponents.size == 1 else None


def _as_large(call: Call, b: Builder) -> Var:
    """Give the base in the shape of the result, which an exponent may make larger."""
    shape = call.shape(1)
    if all(size == 1 for size in shape) and len(shape) <= call.rank():
        return call[0]
    return b.op("mul", call[0], np.ones(shape, call.dtype().numpy()))


def _fixed_power(b: Builder, x: Var, exponent: int) -> Var:
    """Multiply as few times as halving the exponent takes."""
    if exponent == 1:
        return x
    root = _fixed_power(b, x, exponent // 2)
    square = b.op("mul", root, root)
    return b.op("mul", square, x) if exponent % 2 else square


def _product_of_squares(b: Builder, x: Var, exponent: Var) -> Var:
    """Multiply x, x², x⁴, x⁸, x¹⁶ as the bits of the exponent say; one that overflows goes by whether it is odd."""
    zero = b.op("add", b.op("mul", x, 0), b.op("mul", exponent, 0))
    one, square = b.op("add", zero, 1), b.op("add", x, zero)
    odd = b.op("mod", exponent, 2)
    rest = b.op("select", b.op("less", exponent, _OVERFLOWS), exponent, b.op("add", odd, _OVERFLOWS - 2))
    result = one
    for _ in range(_EXPONENT_BITS):
        result = b.op("mul", result, b.op("select", b.op("equal", b.op("mod", rest, 2), 1), square, one))
        rest = b.op("floor_div", rest, 2)
        square = b.op("mul", square, square)
    fraction = b.op("logical_and", b.op("less", exponent, 0), b.op("greater", b.op("abs", x), 1))
    return b.op("select", fraction, zero, result)


LOWERINGS: dict[str, Lowering] = {
    "Div": divide,
    "Mod": remainder,
    "Pow": power,
}
