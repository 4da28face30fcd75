"""Pooling over windows, channels last."""

from __future__ import annotations

from ..builder import Builder
from ..call import Call
from ..graph import Tensor, Text
from .fused import activated, activation_of
from .lowering import Lowering
from .windows import every

_POOLS = {"AVERAGE_POOL_2D": "AvgPool", "MAX_POOL_2D": "MaxPool"}


def pool_2d(call: Call, b: Builder) -> Tensor:
    """MAX_POOL_2D and AVERAGE_POOL_2D of x float[N, H, W, C]; an average leaves padding out."""
    x, shape = call[0], call.result_shape()
    kernel = (call.integer("filter_height", 1), call.integer("filter_width", 1))
    stride = (call.integer("stride_h", 1), call.integer("stride_w", 1))
    if kernel == (1, 1):
        # XNNPACK, which wasm computes with, takes no window of one element.
        y = every(b, x, (1, *stride, 1), shape)
    else:
        y = b.op(
            _POOLS[call.op],
            [x],
            shape,
            x.dtype,
            ksize=[1, *kernel, 1],
            strides=[1, *stride, 1],
            padding=Text(call.text("padding", "SAME")),
            data_format=Text("NHWC"),
            T=x.dtype,
        )
    return activated(b, y, activation_of(call))


LOWERINGS: dict[str, Lowering] = dict.fromkeys(_POOLS, pool_2d)
