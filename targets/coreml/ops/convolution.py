"""Convolutions."""

from __future__ import annotations

import math

import numpy as np

from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import cropping_of, windows_of
from ..builder import Builder, Var
from ..call import Call
from ..deployment import Deployment
from .lowering import Lowering
from .pieces import padded, reshaped

FLOAT32_EXACT = 1 << 24
"""Whole numbers up to this magnitude are exact in float32."""


def conv(call: Call, b: Builder) -> Var:
    """Conv over one to three axes; constant weights stay constants."""
    return plus_channels(b, *convolved(call, b, call[0], call[1], call.get(2)))


def convolved(call: Call, b: Builder, x: Var, weight: Var, bias: Var | None) -> tuple[Var, Var | None]:
    """Convolve by a node's attributes; give the result, and the bias when it is left to be added."""
    windows = windows_of(call, [int(size) for size in weight.shape[2:]])
    inside = bias if bias is not None and bias.val is not None else None
    result = b.op(
        "conv",
        x=x,
        weight=weight,
        bias=inside,
        strides=[*windows.stride],
        dilations=[*windows.dilation],
        groups=call.integer("group", 1),
        **padding(windows.pads),
    )
    return result, bias if inside is None else None


def padding(pads: tuple[tuple[int, int], ...]) -> dict[str, object]:
    """Give the two inputs that say the padding of a window operation."""
    flat = [size for pair in pads for size in pair]
    return {"pad_type": "custom", "pad": flat} if any(flat) else {"pad_type": "valid"}


def plus_channels(b: Builder, y: Var, bias: Var | None) -> Var:
    """Add a bias [C] to y [N, C, spatial…]."""
    if bias is None:
        return y
    return b.op("add", x=y, y=reshaped(b, bias, (1, -1, *[1] * (len(y.shape) - 2))))


def conv_transpose(call: Call, b: Builder) -> Var:
    """ConvTranspose over one to three axes. What lies behind the last window is zero, and the bias."""
    x, weight, bias = call[0], call[1], call.get(2)
    cropping = cropping_of(call, [int(size) for size in weight.shape[2:]])
    if weight.val is None and not weight.is_descendant_of_const:
        b.require(Deployment.IOS17, "conv_transpose with weights that are no constant")
    stride, dilation = (call.ints(name) or [1] * len(cropping) for name in ("strides", "dilations"))
    beyond = [max(-behind, 0) for _, behind in cropping]
    constant_bias = bias is not None and bias.val is not None
    result = b.op(
        "conv_transpose",
        x=x,
        weight=weight,
        bias=bias if constant_bias and not any(beyond) else None,
        strides=[*stride],
        dilations=[*dilation],
        groups=call.integer("group", 1),
        **padding(tuple((before, max(behind, 0)) for before, behind in cropping)),
    )
    if any(isinstance(size, int | np.integer) and size < 1 for size in result.shape):
        raise Refused("its padding takes away all that its windows give, before it adds to that")
    result = padded(b, result, [(0, more) for more in beyond])
    return result if constant_bias and not any(beyond) else plus_channels(b, result, bias)


def conv_integer(call: Call, b: Builder) -> Var:
    """ConvInteger: as a convolution of float32, in which sums of so few integers are exact."""
    shape = call.shape(1)
    reach = 255 * 255 * math.prod(shape[1:])
    if reach > FLOAT32_EXACT:
        raise Refused(f"its sums may reach {reach}, beyond the {FLOAT32_EXACT} up to which float32 holds integers")
    x, weight = shifted(call, b, 0, 2, (1,)), shifted(call, b, 1, 3, (-1, *[1] * (len(shape) - 1)))
    result, _ = convolved(call, b, x, weight, None)
    return b.cast(result, "int32")


def shifted(call: Call, b: Builder, index: int, zero: int, shape: tuple[int, ...]) -> Var:
    """Give an integer input minus its zero point, which takes `shape`, as float32."""
    if call.is_constant(index) and (not call.has(zero) or call.is_constant(zero)):
        number = call.constant(index, "integers").astype(np.float32)
        offset = call.constant(zero, "zero point").astype(np.float32) if call.has(zero) else np.zeros(1, np.float32)
        return b.const(number - offset.reshape(shape if offset.size > 1 else (1,)))
    x = b.cast(call[index], "fp32")
    if not call.has(zero):
        return x
    offset = b.cast(call[zero], "fp32")
    return b.op("sub", x=x, y=reshaped(b, offset, shape) if len(offset.shape) else offset)


LOWERINGS: dict[str, Lowering] = {"Conv": conv, "ConvInteger": conv_integer, "ConvTranspose": conv_transpose}
