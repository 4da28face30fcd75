"""Convolutions, channels last.

TF.js has no groups but one or one a channel, and takes strides or dilations, never both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....compiler.lowering.refused import Refused
from ...tflite.quantization import picked_constant
from ..builder import Builder
from ..call import Call
from ..graph import Attribute, Tensor, Text
from ..stored import hold, transposed
from .fused import KERNELS_APPLY, activated, activation_of, fused_ops
from .lowering import Lowering
from .padding import padded
from .windows import every

EXPLICIT = "EXPLICIT"
"""A padding that TFLite has not: by the attribute `explicit_paddings`, before and after along each spatial axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """How a window moves over the spatial axes: `pads` before and after along each, None for SAME or VALID as such."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str
    pads: tuple[tuple[int, int], ...]

    def attributes(self) -> dict[str, Attribute]:
        explicit = [0, 0, *(size for pair in self.pads for size in pair), 0, 0]
        return {
            "strides": [1, *self.stride, 1],
            "dilations": [1, *self.dilation, 1],
            "padding": Text(self.padding),
            **({"explicit_paddings": explicit} if self.padding == EXPLICIT else {}),
        }


def conv_2d(call: Call, b: Builder) -> Tensor:
    """CONV_2D: x float[N, H, W, C], filters float[O, h, w, C / groups], bias float[O]."""
    x, (_, height, width, depth) = call[0], call.shape(1)
    groups = x.shape[-1] // depth
    window = _window_of(call, (height, width))
    if groups == 1:
        return _convolved(call, b, x, call.transposed(1, (1, 2, 3, 0)), call[2], window)
    units = call.result_shape()[-1] // groups
    if not (call.is_constant(1) and call.is_constant(2)):
        raise Refused(f"{groups} groups with filters or a bias that are no constants")
    slices = b.ops("Split", [-1, x], [((*x.shape[:-1], depth), x.dtype)] * groups, num_split=groups, T=x.dtype)
    parts = []
    for group, part in enumerate(slices):
        places = np.arange(group * units, (group + 1) * units)
        filters = transposed(b, picked_constant(call.value(1), places), None, (1, 2, 3, 0))
        bias = hold(b, picked_constant(call.value(2), places))
        parts.append(_convolved(call, b, part, filters, bias, window))
    attributes: dict[str, Attribute] = {"N": groups, "T": x.dtype}
    return b.op("ConcatV2", [*parts, -1], call.result_shape(), x.dtype, **attributes)


def depthwise_conv_2d(call: Call, b: Builder) -> Tensor:
    """DEPTHWISE_CONV_2D: x float[N, H, W, C], filters float[1, h, w, C · M], bias float[C · M]."""
    x, (_, height, width, units) = call[0], call.shape(1)
    channels = x.shape[-1]
    filters = call.reshaped(1, (height, width, channels, units // channels))
    return _convolved(call, b, x, filters, call[2], _window_of(call, (height, width)), depthwise=True)


def _convolved(
    call: Call, b: Builder, x: Tensor, filters: Tensor, bias: Tensor, window: _Window, *, depthwise: bool = False
) -> Tensor:
    units = filters.shape[-1] * (filters.shape[-2] if depthwise else 1)
    batch, *size, _ = x.shape
    wanted = (batch, *call.result_shape()[1:-1], units)
    skipped = window.stride if max(window.stride) > 1 and max(window.dilation) > 1 else None
    shape = wanted
    if skipped is not None:
        # Either strides or dilations must be one: every place is computed, and those in between left out.
        window = _Window(stride=(1, 1), dilation=window.dilation, padding=EXPLICIT, pads=window.pads)
        reach = [(width - 1) * step + 1 for width, step in zip(filters.shape, window.dilation, strict=False)]
        places = [length + sum(pads) - span + 1 for length, pads, span in zip(size, window.pads, reach, strict=True)]
        shape = (batch, *places, units)
    activation = activation_of(call)
    attributes: dict[str, Attribute] = {**window.attributes(), "data_format": Text("NHWC"), "T": x.dtype}
    if activation == "NONE" and _is_zero(call, 2):
        y = b.op("DepthwiseConv2dNative" if depthwise else "Conv2D", [x, filters], shape, x.dtype, **attributes)
    else:
        fused = activation if activation in KERNELS_APPLY else None
        if fused == "LEAKY_RELU":
            attributes["leakyrelu_alpha"] = call.real("alpha", 0.2)
        y = b.op(
            "FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D",
            [x, filters, bias],
            shape,
            x.dtype,
            num_args=1,
            fused_ops=fused_ops(fused),
            **attributes,
        )
        y = y if fused else activated(b, y, activation)
    return y if skipped is None else every(b, y, (1, *skipped, 1), wanted)


def _window_of(call: Call, kernel: Sequence[int]) -> _Window:
    sides = "hw" if len(kernel) == 2 else "dhw"
    stride = tuple(max(call.integer(f"stride_{side}", 1), 1) for side in sides)
    dilation = tuple(max(call.integer(f"dilation_{side}_factor", 1), 1) for side in sides)
    padding = call.text("padding", "SAME")
    pads = tuple((0, 0) for _ in sides)
    if padding == EXPLICIT:
        numbers = call.ints("explicit_paddings") or []
        pads = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    elif padding == "SAME":
        axes = zip(call.shape(0)[1:-1], kernel, stride, dilation, strict=True)
        totals = [
            max((-(-size // step) - 1) * step + (width - 1) * spread + 1 - size, 0)
            for size, width, step, spread in axes
        ]
        pads = tuple((total // 2, total - total // 2) for total in totals)
    return _Window(stride=stride, dilation=dilation, padding=padding, pads=pads)


def conv_3d(call: Call, b: Builder) -> Tensor:
    """CONV_3D: x float[N, D, H, W, C], filters float[d, h, w, C, O], bias float[O]."""
    x, window = call[0], _window_of(call, call.shape(1)[:3])
    if max(window.stride) > 1 and max(window.dilation) > 1:
        raise Refused("strides and dilations at once over three spatial axes")
    # Not by SAME: the reader pads by a negative number where a window is narrower than the stride.
    x = padded(b, x, [(0, 0), *window.pads, (0, 0)])
    y = b.op(
        "Conv3D",
        [x, call[1]],
        call.result_shape(),
        x.dtype,
        strides=[1, *window.stride, 1],
        dilations=[1, *window.dilation, 1],
        padding=Text("VALID"),
        data_format=Text("NDHWC"),
        T=x.dtype,
    )
    return activated(b, _shifted(call, b, y, 2), activation_of(call))


def transpose_conv(call: Call, b: Builder) -> Tensor:
    """TRANSPOSE_CONV: shape int[4], filters float[O, h, w, C], x float[N, H, W, C], bias float[O]."""
    x, stride = call[2], [1, call.integer("stride_h", 1), call.integer("stride_w", 1), 1]
    shape = call.result_shape()
    y = b.op(
        "Conv2DBackpropInput",
        [np.array(shape, np.int32), call.transposed(1, (1, 2, 0, 3)), x],
        shape,
        x.dtype,
        strides=stride,
        padding=Text(call.text("padding", "SAME")),
        data_format=Text("NHWC"),
        T=x.dtype,
    )
    return activated(b, _shifted(call, b, y, 3), activation_of(call))


def conv_3d_transpose(call: Call, b: Builder) -> Tensor:
    """CONV_3D_TRANSPOSE: shape int[5], filters float[d, h, w, O, C], x float[N, D, H, W, C], bias float[O].

    The reader knows no such operator. x with zeros between its elements, convolved with the filters turned around, is
    the same.
    """
    x, kernel = call[2], call.shape(1)[:3]
    if call.text("padding", "SAME") != "VALID":
        raise Refused("a padding over three spatial axes")
    for axis, (side, width) in enumerate(zip("dhw", kernel, strict=True), 1):
        x = _spread(b, x, axis, call.integer(f"stride_{side}", 1), width - 1)
    if call.is_constant(1):
        filters = b.hold(np.ascontiguousarray(np.flip(call.constant(1, "filter"), (0, 1, 2)).transpose(0, 1, 2, 4, 3)))
    else:
        turned = b.op("ReverseV2", [call[1], np.array([0, 1, 2], np.int32)], call.shape(1), x.dtype, T=x.dtype)
        filters = b.transpose(turned, (0, 1, 2, 4, 3))
    y = b.op(
        "Conv3D",
        [x, filters],
        call.result_shape(),
        x.dtype,
        strides=[1] * 5,
        dilations=[1] * 5,
        padding=Text("VALID"),
        data_format=Text("NDHWC"),
        T=x.dtype,
    )
    return _shifted(call, b, y, 3)


def _spread(b: Builder, x: Tensor, axis: int, step: int, border: int) -> Tensor:
    """Put `step` − 1 zeros between the elements along an axis, and `border` of them at both ends."""
    before, size, after = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    if step > 1:
        wide = padded(b, b.reshape(x, (before * size, 1, after)), [(0, 0), (0, step - 1), (0, 0)])
        # The zeros behind the last element are part of the border there.
        x = b.reshape(wide, (*x.shape[:axis], size * step, *x.shape[axis + 1 :]))
    behind = border - (step - 1)
    if behind < 0:
        shape = (*x.shape[:axis], size * step + behind, *x.shape[axis + 1 :])
        x, behind = (
            b.op("Slice", [x, np.zeros(x.rank, np.int32), np.array(shape, np.int32)], shape, x.dtype, T=x.dtype),
            0,
        )
    return padded(b, x, [(border, behind) if place == axis else (0, 0) for place in range(x.rank)])


def _shifted(call: Call, b: Builder, y: Tensor, place: int) -> Tensor:
    """Add the bias, operand `place`, unless there is none or all of it is zero."""
    return y if not call.has(place) or _is_zero(call, place) else b.binary("AddV2", y, call[place])


def _is_zero(call: Call, place: int) -> bool:
    return call.is_constant(place) and not call.constant(place, "bias").any()


LOWERINGS: dict[str, Lowering] = {
    "CONV_2D": conv_2d,
    "CONV_3D": conv_3d,
    "CONV_3D_TRANSPOSE": conv_3d_transpose,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
}
