"""ConvTranspose: TRANSPOSE_CONV, and a cut where TFLite's SAME does not say the padding."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..builder import Builder, Operand
from ..call import Call
from ..dialect import Array, dtype_of, shape_of
from ..refused import Refused
from .lowering import Lowering

_DENSE_LIMIT = 4_000_000
"""Elements; grouped weights are written out with zeros between the groups up to this size."""


def lower_conv_transpose(call: Call, b: Builder) -> ir.Value:
    """ConvTranspose over one or two spatial axes with constant weights; dilation is written into the weights."""
    x = b.channels_last(call[0])
    spatial = call.rank() - 2
    weight = _weight(call, b)
    stride = call.ints("strides") or [1] * spatial
    size = shape_of(x)[1:-1]
    full = [(length - 1) * step + width for length, step, width in zip(size, stride, shape_of(weight)[2:], strict=True)]
    before, output = _placement(call, size, full, stride)
    if spatial == 1:
        batch, width, channels = shape_of(x)
        x, weight = b.reshape(x, (batch, 1, width, channels)), b.reshape(weight, _unsqueezed(weight))
        stride, full, before, output = [1, *stride], [1, *full], [0, *before], [1, *output]
    elif spatial != 2:
        raise Refused(f"{spatial} spatial axes")
    y = _transpose_conv(call, b, x, weight, stride, full, before, output)
    if spatial == 1:
        batch, _, width, channels = shape_of(y)
        y = b.reshape(y, (batch, width, channels))
    return b.channels_first(y)


def _transpose_conv(
    call: Call,
    b: Builder,
    x: ir.Value,
    weight: ir.Value,
    stride: list[int],
    full: list[int],
    before: list[int],
    output: list[int],
) -> ir.Value:
    filters = b.transpose(weight, (1, 2, 3, 0))
    batch, channels = shape_of(x)[0], shape_of(filters)[0]
    zeros = np.zeros(channels, np.float32)
    beyond = [max(start + length - end, 0) for start, length, end in zip(before, output, full, strict=True)]
    same = not any(beyond) and _is_same(shape_of(x)[1:3], shape_of(filters)[1:3], stride, before, output)
    place, size = ("SAME", output) if same else ("VALID", full)
    shape = (batch, *size, channels)
    # Behind the last window lies the bias alone, which the kernels leave out there: it is added after padding.
    bias = zeros if any(beyond) else call.get(2) or zeros
    operands: list[Operand] = [np.array(shape, np.int32), filters, x, bias]
    y = b.op("TRANSPOSE_CONV", operands, shape, dtype_of(x), padding=place, stride_h=stride[0], stride_w=stride[1])
    if same:
        return y
    stop = [start + length for start, length in zip(before, output, strict=True)]
    if any(beyond):
        y = b.pad(y, [(0, 0), *((0, more) for more in beyond), (0, 0)])
        y = b.binary("ADD", y, call.get(2) or zeros)
    return b.slice(y, [0, *before, 0], [batch, *stop, channels])


def _weight(call: Call, b: Builder) -> ir.Value:
    """Give the weights [C, M, …] that an operator without groups and dilation takes."""
    dilations, groups = call.ints("dilations"), call.integer("group", 1)
    array = call.constant(1, "weight")
    if groups == 1 and max(dilations or [1]) == 1:
        return call[1]
    return b.value(_dense(_dilated(array, dilations), groups))


def _unsqueezed(weight: ir.Value) -> tuple[int, ...]:
    channels, filters, width = shape_of(weight)
    return channels, filters, 1, width


def _placement(call: Call, size: tuple[int, ...], full: list[int], stride: list[int]) -> tuple[list[int], list[int]]:
    """Give how much of the full result is cut off before, and how much of it is the output, along every axis."""
    rank = len(size)
    extra = call.ints("output_padding") or [0] * rank
    pads = call.ints("pads") or [0] * (2 * rank)
    wanted = call.ints("output_shape")
    auto = call.text("auto_pad", "NOTSET")
    if wanted is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [length * step for length, step in zip(size, stride, strict=True)]
    if wanted is None:
        before = pads[:rank] if auto == "NOTSET" else [0] * rank
        after = pads[rank:] if auto == "NOTSET" else [0] * rank
        return before, [
            length + more - start - end for length, more, start, end in zip(full, extra, before, after, strict=True)
        ]
    wanted = wanted[-rank:]
    total = [max(length + more - size, 0) for length, more, size in zip(full, extra, wanted, strict=True)]
    upper = auto == "SAME_UPPER"
    return [cut // 2 if upper else cut - cut // 2 for cut in total], wanted


def _is_same(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: list[int], before: list[int], output: list[int]
) -> bool:
    """Whether SAME of the convolution that this one undoes cuts exactly so."""
    axes = zip(size, kernel, stride, before, output, strict=True)
    return all(
        length == -(-out // step) and start == max((length - 1) * step + width - out, 0) // 2
        for length, width, step, start, out in axes
    )


def _dilated(weight: Array, dilations: list[int] | None) -> Array:
    """Write zeros between the elements of the windows."""
    if not dilations or max(dilations) == 1:
        return weight
    shape = [(width - 1) * step + 1 for width, step in zip(weight.shape[2:], dilations, strict=True)]
    wide = np.zeros((*weight.shape[:2], *shape), weight.dtype)
    wide[(slice(None), slice(None), *(slice(None, None, step) for step in dilations))] = weight
    return wide


def _dense(weight: Array, groups: int) -> Array:
    """Write grouped weights [C, M / groups, …] as ungrouped ones [C, M, …], zero between the groups."""
    if groups == 1:
        return weight
    channels, width, *kernel = weight.shape
    if weight.size * groups > _DENSE_LIMIT:
        raise Refused(f"{groups} groups of this size")
    dense = np.zeros((channels, width * groups, *kernel), weight.dtype)
    each = channels // groups
    for group in range(groups):
        rows = slice(group * each, (group + 1) * each)
        dense[rows, group * width : (group + 1) * width] = weight[rows]
    return dense


LOWERINGS: dict[str, Lowering] = {"ConvTranspose": lower_conv_transpose}
