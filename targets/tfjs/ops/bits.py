"""Bits of integers, by division: TF.js has no kernel for them (its BitwiseAnd is not reached by graph models)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Operand
from ..call import Call
from ..graph import Array, DType, Tensor
from .integers import NARROW, UNSIGNED, quotient_rounded_down
from .lowering import Lowering

_HIGHEST_POWER = 30
"""2³⁰ is the highest power of two in int32."""


def right_shift(call: Call, b: Builder) -> Tensor:
    """Divide by powers of two, rounding down, as a shift does that fills with the sign."""
    places = call.constant(1, "places") if call.is_constant(1) else call[1]
    return _shifted(b, call[0], places, call.hub_dtype())


def _shifted(b: Builder, x: Tensor, places: Tensor | Array, dtype: ir.DataType) -> Tensor:
    powers = 2 ** np.arange(_HIGHEST_POWER + 1, dtype=np.int32)
    if isinstance(places, Tensor):
        divisor: Operand = b.gather(powers, b.binary("Minimum", places, _HIGHEST_POWER), 0)
    else:
        divisor = powers[np.minimum(places, _HIGHEST_POWER)]
    if dtype in NARROW:  # which float32 divides exactly
        return b.binary("FloorDiv", x, divisor)
    once = quotient_rounded_down(b, x, divisor)
    if not isinstance(places, Tensor) and places.max() <= _HIGHEST_POWER:
        return once
    held = places if isinstance(places, Tensor) else places.astype(np.int32)
    return b.select(b.compare("Greater", held, _HIGHEST_POWER), b.binary("FloorDiv", once, 2), once)


def exclusive_or(call: Call, b: Builder) -> Tensor:
    """Turn bits over where another number has them: all by a subtraction, some bit by bit along a new axis."""
    x, dtype = call[0], call.hub_dtype()
    ones = int(np.iinfo(dtype.numpy()).max) if dtype in UNSIGNED else -1
    if call.is_constant(1) and (call.constant(1, "mask").astype(object) == ones).all():
        if ones > np.iinfo(np.int32).max:
            raise Refused("the upper bit of uint32, which int32 does not hold, would be set")
        return b.broadcast(b.binary("Sub", ones, x), call.result_shape())
    width = NARROW.get(dtype, 32)
    places = np.arange(width, dtype=np.int32)
    weights = (np.int64(1) << places.astype(np.int64)).astype(np.int32)  # the last of 32 is the sign's, −2³¹
    if dtype not in UNSIGNED:
        weights[-1] = -(2 ** (width - 1))
    shape = call.result_shape()
    left, right = (_planes(b, b.broadcast(operand, shape), places, dtype) for operand in (x, call[1]))
    differ = b.cast(b.compare("NotEqual", left, right), DType.INT)
    return b.reduce("Sum", b.binary("Mul", differ, weights), [len(shape)], keep=False)


def _planes(b: Builder, x: Tensor, places: Array, dtype: ir.DataType) -> Tensor:
    """Lay numbers out in their bits along a new last axis."""
    return b.binary("FloorMod", _shifted(b, b.reshape(x, (*x.shape, 1)), places, dtype), 2)


LOWERINGS: dict[str, Lowering] = {"BITWISE_XOR": exclusive_or, "RIGHT_SHIFT": right_shift}
