"""Convolutions."""

from __future__ import annotations

import math

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from ..deployment import Deployment
from .lowering import Lowering
from .pieces import padded, reshaped
from .windows import windows_of

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
    rank = call.rank() - 2
    if not 1 <= rank <= 3:
        raise Refused(f"windows over {rank} axes")
    if weight.val is None and not weight.is_descendant_of_const:
        b.require(Deployment.IOS17, "conv_transpose with weights that are no constant")
    kernel = [int(size) for size in weight.shape[2:]]
    stride, dilation = (call.ints(name) or [1] * rank for name in ("strides", "dilations"))
    before, after = _cropping(call, kernel, stride, dilation)
    beyond = [max(-size, 0) for size in after]
    constant_bias = bias is not None and bias.val is not None
    result = b.op(
        "conv_transpose",
        x=x,
        weight=weight,
        bias=bias if constant_bias and not any(beyond) else None,
        strides=[*stride],
        dilations=[*dilation],
        groups=call.integer("group", 1),
        **padding(tuple((start, max(end, 0)) for start, end in zip(before, after, strict=True))),
    )
    if any(isinstance(size, int | np.integer) and size < 1 for size in result.shape):
        raise Refused("its padding takes away all that its windows give, before it adds to that")
    result = padded(b, result, [(0, more) for more in beyond])
    return result if constant_bias and not any(beyond) else plus_channels(b, result, bias)


def _cropping(call: Call, kernel: list[int], stride: list[int], dilation: list[int]) -> tuple[list[int], list[int]]:
    """Give what is cut off the full result before and behind along every axis; what is negative is added instead."""
    rank = len(kernel)
    extra = call.ints("output_padding") or [0] * rank
    pads = call.ints("pads") or [0] * (2 * rank)
    wanted, auto = call.ints("output_shape"), call.text("auto_pad", "NOTSET")
    if wanted is None and auto in ("NOTSET", "VALID"):
        pads = pads if auto == "NOTSET" else [0] * (2 * rank)
        before, after = pads[:rank], [end - more for end, more in zip(pads[rank:], extra, strict=True)]
        if min(before, default=0) < 0:
            raise Refused("its padding is negative")
        return before, after
    before, after = [], []
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        if wanted is None:  # the output is size · stride, and the full one (size − 1) · stride + reach
            total = reach - stride[axis]
        else:
            size = call.shape()[2 + axis]
            total = (size - 1) * stride[axis] + reach - wanted[-rank:][axis]
        cropped = max(total + extra[axis], 0)
        first = cropped // 2 if auto == "SAME_UPPER" else cropped - cropped // 2
        before.append(first)
        after.append(total - first)
    return before, after


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
