"""Pooling: MAX_POOL_2D, AVERAGE_POOL_2D, and reductions for the global kinds."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import Windows, unpooled_shape, windows_of
from ..builder import Builder, Operand
from ..call import Call
from ..dialect import dtype_of, shape_of
from ..kernels import KERNELS
from .lowering import Lowering
from .tap_pooling import element_limits, largest_with_place, pooled_by_taps
from .windows import is_same, is_valid, padded, unsqueezed

_GLOBAL = {"GlobalAveragePool": "MEAN", "GlobalMaxPool": "REDUCE_MAX"}

_MAX, _AVERAGE = "MAX_POOL_2D", "AVERAGE_POOL_2D"


def lower_global_pool(call: Call, b: Builder) -> ir.Value:
    """Reduce all spatial axes."""
    return b.reduce(_GLOBAL[call.op], call[0], list(range(2, call.rank())))


def lower_max_pool(call: Call, b: Builder) -> list[ir.Value | None]:
    """Give the largest in each window, and where it stood; padding never wins, being the least there is."""
    x, windows = _entry(call, b)
    lowest, _ = element_limits(x)
    if call.wants(1):
        column_major = bool(call.integer("storage_order", 0))
        both = largest_with_place(b, padded(x, windows, b, lowest, explicit=True)[0], windows, column_major)
        return [_exit(call, b, value) for value in both]
    if _by_taps(x, windows):
        x, _ = padded(x, windows, b, lowest, explicit=True)
        return [_exit(call, b, pooled_by_taps(b, "MAXIMUM", x, windows))]
    if is_valid(windows) or is_same(windows):
        mode = "VALID" if is_valid(windows) else "SAME"
    else:
        x, mode = padded(x, windows, b, lowest, explicit=True)
    return [_exit(call, b, _pooled(b, _MAX, x, windows, mode))]


def _by_taps(x: ir.Value, windows: Windows) -> bool:
    return max(windows.dilation) > 1 or dtype_of(x) not in KERNELS[_MAX].dtypes


def lower_average_pool(call: Call, b: Builder) -> ir.Value:
    """Average each window; padding counts or does not, as the node says."""
    x, windows = _entry(call, b)
    if not _by_taps(x, windows):
        if is_valid(windows):
            return _exit(call, b, _pooled(b, _AVERAGE, x, windows, "VALID"))
        if is_same(windows) and not call.integer("count_include_pad", 0):
            return _exit(call, b, _pooled(b, _AVERAGE, x, windows, "SAME"))
    counts = windows.counts(bool(call.integer("count_include_pad", 0)))
    shares = (1 / counts).astype(np.float32)[..., np.newaxis]
    return _exit(call, b, b.binary("MUL", _total(b, x, windows), shares))


def lower_lp_pool(call: Call, b: Builder) -> ir.Value:
    """Give the p-norm of each window."""
    x, windows = _entry(call, b)
    power = call.integer("p", 2)
    if power == 2:
        parts = b.binary("MUL", x, x)
    else:
        parts = b.unary("ABS", x) if power == 1 else b.binary("POW", b.unary("ABS", x), b.full(power, x))
    y = _total(b, parts, windows)
    if power == 2:
        y = b.unary("SQRT", y)
    elif power != 1:
        y = b.binary("POW", y, b.full(1 / power, y))
    return _exit(call, b, y)


def _entry(call: Call, b: Builder) -> tuple[ir.Value, Windows]:
    """Give the input as [N, spatial…, C] with two or more spatial axes, and its windows."""
    x, windows = b.channels_last(call[0]), windows_of(call, call.ints("kernel_shape") or [])
    if call.rank() != 3:
        return x, windows
    batch, width, channels = shape_of(x)
    return b.reshape(x, (batch, 1, width, channels)), unsqueezed(windows)


def _exit(call: Call, b: Builder, y: ir.Value) -> ir.Value:
    if call.rank() == 3:
        batch, _, width, channels = shape_of(y)
        y = b.reshape(y, (batch, width, channels))
    return b.channels_first(y)


def _total(b: Builder, x: ir.Value, windows: Windows) -> ir.Value:
    """Sum each window, with zeros in the padding."""
    if not is_valid(windows):
        x, _ = padded(x, windows, b, explicit=True)
    if _by_taps(x, windows):
        return pooled_by_taps(b, "ADD", x, windows)
    mean = _pooled(b, _AVERAGE, x, windows, "VALID")
    return b.binary("MUL", mean, b.full(math.prod(windows.kernel), mean))


def _pooled(b: Builder, operator: str, x: ir.Value, windows: Windows, mode: str) -> ir.Value:
    """Pool over the spatial axes; of three, the first apart from the others, which is the same."""
    batch, *size, channels = shape_of(x)
    if len(windows.kernel) == 2:
        return _pool_2d(b, operator, x, windows.kernel, windows.stride, windows.output, mode)
    depth, output = size[0], windows.output
    flat = b.reshape(x, (batch * depth, *size[1:], channels))
    flat = _pool_2d(b, operator, flat, windows.kernel[1:], windows.stride[1:], output[1:], mode)
    rows = b.reshape(flat, (batch, depth, output[1] * output[2], channels))
    sheet = (output[0], output[1] * output[2])
    rows = _pool_2d(b, operator, rows, (windows.kernel[0], 1), (windows.stride[0], 1), sheet, mode)
    return b.reshape(rows, (batch, *output, channels))


def _pool_2d(
    b: Builder,
    operator: str,
    x: ir.Value,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    output: tuple[int, ...],
    mode: str,
) -> ir.Value:
    return b.op(
        operator,
        [x],
        (shape_of(x)[0], *output, shape_of(x)[-1]),
        dtype_of(x),
        padding=mode,
        stride_h=stride[0],
        stride_w=stride[1],
        filter_height=kernel[0],
        filter_width=kernel[1],
    )


def lower_max_unpool(call: Call, b: Builder) -> ir.Value:
    """Put elements back where they stood, zeros elsewhere."""
    x, kernel = call[0], call.ints("kernel_shape") or []
    stride = call.ints("strides") or [1] * len(kernel)
    if any(step < width for step, width in zip(stride, kernel, strict=True)):
        raise Refused("its windows overlap, and one place may get two elements")
    full, wanted = unpooled_shape(call)
    count = math.prod(shape_of(x))
    places = b.reshape(b.cast(call[1], ir.DataType.INT32), (count, 1))
    length = math.prod(full)
    operands: list[Operand] = [places, b.reshape(x, (count,)), np.array([length], np.int32)]
    y = b.reshape(b.op("SCATTER_ND", operands, (length,), dtype_of(x)), full)
    return b.pad(y, [(0, size - own) for size, own in zip(wanted, full, strict=True)])


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_GLOBAL, lower_global_pool),
    "AveragePool": lower_average_pool,
    "LpPool": lower_lp_pool,
    "MaxPool": lower_max_pool,
    "MaxUnpool": lower_max_unpool,
}
