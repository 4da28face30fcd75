"""Operations on the bits of integers."""

from __future__ import annotations

from typing import Final

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .elements import Element, either, elementwise, whole

_BITWISE: Final = {"BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor"}


def bitwise(call: Call[Expr], b: Builder) -> Expr:
    """BitwiseAnd, BitwiseOr, BitwiseXor."""
    return b.op(getattr(relax().op, _BITWISE[call.op]), call[0], call[1])


def bitwise_not(call: Call[Expr], b: Builder) -> Expr:
    """BitwiseNot."""
    return b.op(relax().op.bitwise_not, call[0])


def bit_shift(call: Call[Expr], b: Builder) -> Expr:
    """BitShift of unsigned numbers; from the width on nothing is left, where a CPU would begin anew."""
    width = int(call.dtype().bitwidth)
    move = tirx().shift_left if call.text("direction", "") == "LEFT" else tirx().shift_right

    def element(x: Element, places: Element) -> Element:
        dtype = str(x.ty.dtype)
        zero = whole(0, dtype)
        # TVM's simplifier subtracts the sides of `places < width`, and stops at an unsigned number below 0.
        inside = tirx().shift_right(places, whole(width.bit_length() - 1, dtype)) == zero
        return either(inside, move(x, either(inside, places, zero)), zero)

    return elementwise(b, "bit_shift", element, call[0], call[1])


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_BITWISE, bitwise),
    "BitShift": bit_shift,
    "BitwiseNot": bitwise_not,
}
