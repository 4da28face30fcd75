"""Conv: CONV_2D, DEPTHWISE_CONV_2D and CONV_3D, channels last."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import Windows, windows_of
from ..builder import Attribute, Builder
from ..call import Call
from ..dialect import dtype_of, shape_of
from .lowering import Lowering
from .windows import padded, unsqueezed


def lower_conv(call: Call, b: Builder) -> ir.Value:
    """Conv over one to three spatial axes."""
    return convolve(call, b, call[0], call[1], call.get(2))


def convolve(call: Call, b: Builder, x: ir.Value, weight: ir.Value, bias: ir.Value | None) -> ir.Value:
    """Convolve x [N, C, spatial…] with the windows of a node; one spatial axis is done as two, the first of size 1."""
    kernel = shape_of(weight)[2:]
    spatial, windows = len(kernel), windows_of(call, kernel)
    x = b.channels_last(x)
    if spatial == 1:
        batch, width, channels = shape_of(x)
        x = b.reshape(x, (batch, 1, width, channels))
        weight = b.reshape(weight, (*shape_of(weight)[:2], 1, *kernel))
        windows = unsqueezed(windows)
    elif spatial == 3:
        return b.channels_first(_conv_3d(call, b, x, weight, bias, windows))
    x, padding = padded(x, windows, b)
    y = _conv_2d(call, b, x, weight, bias, windows, padding)
    if spatial == 1:
        batch, _, width, channels = shape_of(y)
        y = b.reshape(y, (batch, width, channels))
    return b.channels_first(y)


def _conv_2d(
    call: Call, b: Builder, x: ir.Value, weight: ir.Value, bias: ir.Value | None, windows: Windows, padding: str
) -> ir.Value:
    out_channels, group_channels, *_ = shape_of(weight)
    channels = shape_of(x)[-1]
    groups = call.integer("group", 1)
    if channels != group_channels * groups:
        raise Refused(f"{channels} channels do not fit {groups} groups of {group_channels}")
    shift = bias or np.zeros(out_channels, dtype_of(x).numpy())
    common: dict[str, Attribute] = {
        "padding": padding,
        "stride_h": windows.stride[0],
        "stride_w": windows.stride[1],
        "dilation_h_factor": windows.dilation[0],
        "dilation_w_factor": windows.dilation[1],
    }
    shape = (shape_of(x)[0], *windows.output, out_channels)
    if group_channels == 1 and groups > 1:
        filters = b.transpose(weight, (1, 2, 3, 0))
        multiplier = out_channels // groups
        return b.op("DEPTHWISE_CONV_2D", [x, filters, shift], shape, dtype_of(x), depth_multiplier=multiplier, **common)
    return b.op("CONV_2D", [x, b.transpose(weight, (0, 2, 3, 1)), shift], shape, dtype_of(x), **common)


def _conv_3d(
    call: Call, b: Builder, x: ir.Value, weight: ir.Value, bias: ir.Value | None, windows: Windows
) -> ir.Value:
    if call.integer("group", 1) != 1:
        raise Refused("groups over three spatial axes")
    x, padding = padded(x, windows, b)
    filters = b.transpose(weight, (2, 3, 4, 1, 0))
    shift = bias or np.zeros(shape_of(weight)[0], np.float32)
    options: dict[str, Attribute] = {"padding": padding}
    for place, side in enumerate("dhw"):
        options[f"stride_{side}"] = windows.stride[place]
        options[f"dilation_{side}_factor"] = windows.dilation[place]
    shape = (shape_of(x)[0], *windows.output, shape_of(weight)[0])
    return b.op("CONV_3D", [x, filters, shift], shape, dtype_of(x), **options)


LOWERINGS: dict[str, Lowering] = {"Conv": lower_conv}
