"""Pooling: MAX_POOL_2D, AVERAGE_POOL_2D, and reductions for the global kinds."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..builder import Builder
from ..call import Call
from ..dialect import Array, dtype_of, shape_of
from ..refused import Refused
from .lowering import Lowering
from .windows import Windows, padded, unsqueezed, windows_of

_GLOBAL = {"GlobalAveragePool": "MEAN", "GlobalMaxPool": "REDUCE_MAX"}


def lower_global_pool(call: Call, b: Builder) -> ir.Value:
    """Reduce all spatial axes."""
    return b.reduce(_GLOBAL[call.op], call[0], list(range(2, call.rank())))


def lower_max_pool(call: Call, b: Builder) -> list[ir.Value | None]:
    """Give the largest in each window; padding never wins, being −∞."""
    if call.wants(1):
        raise Refused("TFLite's pooling gives no indices")
    return [_pool(call, b, "MAX_POOL_2D", -np.inf)]


def lower_average_pool(call: Call, b: Builder) -> ir.Value:
    """Average each window; padding counts or does not, as the node says."""
    return _pool(call, b, "AVERAGE_POOL_2D", 0)


def _pool(call: Call, b: Builder, operator: str, padding_value: float) -> ir.Value:
    x = b.channels_last(call[0])
    windows = windows_of(call, call.ints("kernel_shape") or [])
    spatial = call.rank() - 2
    if spatial == 1:
        batch, width, channels = shape_of(x)
        x, windows = b.reshape(x, (batch, 1, width, channels)), unsqueezed(windows)
    elif spatial != 2:
        raise Refused(f"TFLite pools over two spatial axes, not {spatial}")
    if any(step > 1 for step in windows.dilation):
        raise Refused("TFLite's pooling has no dilation")
    y = _windows(call, b, operator, x, windows, padding_value)
    if spatial == 1:
        batch, _, width, channels = shape_of(y)
        y = b.reshape(y, (batch, width, channels))
    return b.channels_first(y)


def _windows(call: Call, b: Builder, operator: str, x: ir.Value, windows: Windows, padding_value: float) -> ir.Value:
    averages = operator == "AVERAGE_POOL_2D"
    counts = _counts(call, windows) if averages else None
    if windows.is_valid or (windows.is_same and (not averages or _excludes_padding(call, windows))):
        mode, counts = "VALID" if windows.is_valid else "SAME", None
    else:
        x, mode = padded(x, windows, b, padding_value, explicit=True)
    shape = (shape_of(x)[0], *windows.output, shape_of(x)[-1])
    height, width = windows.kernel
    y = b.op(
        operator,
        [x],
        shape,
        dtype_of(x),
        padding=mode,
        stride_h=windows.stride[0],
        stride_w=windows.stride[1],
        filter_height=height,
        filter_width=width,
    )
    if counts is None or np.all(counts == height * width):
        return y
    return b.binary("MUL", y, (height * width / counts).astype(np.float32)[..., np.newaxis])


def _excludes_padding(call: Call, windows: Windows) -> bool:
    """Whether averages are over what lies in the input alone, as TFLite's SAME does."""
    return not call.integer("count_include_pad", 0) or not any(before or after > 0 for before, after in windows.pads)


def _counts(call: Call, windows: Windows) -> Array:
    """Give how many elements each window averages over, int[H, W]."""
    include = call.integer("count_include_pad", 0)
    pads = call.ints("pads") or [0] * 4
    pads = pads if len(pads) == 4 else [0, pads[0], 0, pads[1]]
    lines = []
    for axis in range(2):
        start = np.arange(windows.output[axis]) * windows.stride[axis] - windows.before[axis]
        stop = start + windows.kernel[axis]
        low, high = (
            (-windows.before[axis], windows.size[axis] + _after(call, windows, pads, axis))
            if include
            else (0, windows.size[axis])
        )
        lines.append(np.minimum(stop, high) - np.maximum(start, low))
    return np.asarray(np.outer(*lines))


def _after(call: Call, windows: Windows, pads: list[int], axis: int) -> int:
    """Give the declared padding at the end; a window may reach beyond it when the output was rounded up."""
    if call.text("auto_pad", "NOTSET") == "NOTSET":
        return pads[axis + 2]
    return max(windows.pads[axis][1], 0)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_GLOBAL, lower_global_pool),
    "AveragePool": lower_average_pool,
    "MaxPool": lower_max_pool,
}
