"""Pooling. Windows that PyTorch's own padding cannot say are padded first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.refused import Refused
from ...lowering.windows import Windows, unpooled_shape, windows_of
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .pieces import padded

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

_MAX: Final[Sequence[Callable[..., Any]]] = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
_AVERAGE: Final[Sequence[Callable[..., Any]]] = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
_SUM: Final[Sequence[Callable[..., Any]]] = (torch.conv1d, torch.conv2d, torch.conv3d)
"""One a number of spatial axes."""


def global_pool(call: Call[Node], b: Builder) -> Node:
    """GlobalAveragePool and GlobalMaxPool: a reduction of all spatial axes."""
    axes = [*range(2 - call.rank(), 0)]
    if not axes:
        return call[0]
    return b.call(torch.mean if call.op == "GlobalAveragePool" else torch.amax, call[0], axes, keepdim=True)


def global_lp_pool(call: Call[Node], b: Builder) -> Node:
    """GlobalLpPool: the p-norm of all spatial axes."""
    power, axes = call.integer("p", 2), [*range(2 - call.rank(), 0)]
    return b.call(root, b.call(torch.sum, b.call(powers, call[0], power), axes, keepdim=True), power)


def max_pool(call: Call[Node], b: Builder) -> Node | list[Node | None]:
    """MaxPool, and where each largest element stands when somebody asks."""
    windows = windows_of(call, call.ints("kernel_shape") or [])
    x, dtype = call[0], TORCH_DTYPES[call.dtype()]
    if not dtype.is_floating_point:  # 8 bits: exact in float32
        x = b.call(torch.Tensor.to, x, torch.float32)
    none = (0,) * len(windows.kernel)
    padding, ceil, shift, grown = windows.before, windows.ceil, none, none
    _check_reach(windows)
    if not _is_said(windows):
        x, padding, ceil = padded(b, x, windows.pads, -math.inf), none, False
        shift, grown = windows.before, tuple(map(sum, windows.pads))
    settings = {"stride": windows.stride, "padding": padding, "dilation": windows.dilation, "ceil_mode": ceil}
    pool = _MAX[len(windows.kernel) - 1]
    if not call.wants(1):
        y = b.call(pool, x, windows.kernel, **settings)
        return y if dtype.is_floating_point else b.call(torch.Tensor.to, y, dtype)
    both = b.call(pool, x, windows.kernel, **settings, return_indices=True)
    best, place = b.item(both, 0), b.item(both, 1)
    flat = b.call(flat_places, place, call[0], shift, grown, bool(call.integer("storage_order", 0)))
    return [best if dtype.is_floating_point else b.call(torch.Tensor.to, best, dtype), flat]


def average_pool(call: Call[Node], b: Builder) -> Node:
    """AveragePool; padding counts or does not, and what reaches beyond the declared padding never does."""
    windows = windows_of(call, call.ints("kernel_shape") or [])
    with_padding, place = bool(call.integer("count_include_pad", 0)), len(windows.kernel) - 1
    if max(windows.dilation) == 1 and _is_said(windows):
        return b.call(
            _AVERAGE[place],
            call[0],
            windows.kernel,
            windows.stride,
            windows.before,
            windows.ceil,
            with_padding,
        )
    if max(windows.dilation) == 1 and with_padding and not windows.ceil:
        return b.call(_AVERAGE[place], padded(b, call[0], windows.pads), windows.kernel, windows.stride)
    counts = windows.counts(with_padding)
    if not counts.all():
        raise Refused("a window lies in padding alone, and the mean of nothing is open")
    return b.call(torch.div, _total(b, call[0], windows), b.const(counts, TORCH_DTYPES[call.dtype()]))


def lp_pool(call: Call[Node], b: Builder) -> Node:
    """LpPool: the p-norm of each window."""
    windows, power = windows_of(call, call.ints("kernel_shape") or []), call.integer("p", 2)
    return b.call(root, _total(b, b.call(powers, call[0], power), windows), power)


def max_unpool(call: Call[Node], b: Builder) -> Node:
    """MaxUnpool: elements back where they stood, zeros elsewhere."""
    kernel = call.ints("kernel_shape") or []
    stride = call.ints("strides") or [1] * len(kernel)
    if any(step < width for step, width in zip(stride, kernel, strict=True)):
        raise Refused("its windows overlap, and one place may get two elements")
    full, wanted = unpooled_shape(call)
    y = b.call(put_back, call[0], call[1], full)
    return padded(b, y, [(0, size - own) for size, own in zip(wanted[2:], full[2:], strict=True)])


def _is_said(windows: Windows) -> bool:
    """Whether PyTorch's pooling takes the padding: as much at both ends, at most half a window."""
    halves = all(2 * before <= width for before, width in zip(windows.before, windows.kernel, strict=True))
    return windows.is_even and halves


def _check_reach(windows: Windows) -> None:
    """Check that every window holds an element of the input.

    Raises:
        Refused: when one lies in the padding alone.
    """
    if None not in windows.size and not windows.counts(with_padding=False).all():
        raise Refused("a window lies in padding alone, and the largest of nothing is open")


def _total(b: Builder, x: Node, windows: Windows) -> Node:
    """Sum each window, with zeros in the padding."""
    place, kernel = len(windows.kernel) - 1, windows.kernel
    x = padded(b, x, windows.pads)
    if max(windows.dilation) == 1:
        mean = b.call(_AVERAGE[place], x, kernel, windows.stride)
        return b.call(torch.mul, mean, float(math.prod(kernel)))
    return b.call(dilated_sum, x, kernel, windows.stride, windows.dilation)


def dilated_sum(x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Sum dilated windows of x [N, C, spatial…]: a convolution of every channel by itself with ones."""
    single = x.reshape(x.shape[0] * x.shape[1], 1, *x.shape[2:])
    ones = torch.ones(1, 1, *kernel, dtype=x.dtype, device=x.device)
    y: Tensor = _SUM[len(kernel) - 1](single, ones, None, stride, 0, dilation)
    return y.reshape(x.shape[0], x.shape[1], *y.shape[2:])


def powers(x: Tensor, power: int) -> Tensor:
    """Give |x| to the power."""
    if power == 2:
        return x * x
    return x.abs() if power == 1 else x.abs() ** power


def root(x: Tensor, power: int) -> Tensor:
    """Give the root of that power."""
    if power == 1:
        return x
    return x.sqrt() if power == 2 else x ** (1 / power)


def flat_places(place: Tensor, x: Tensor, shift: Sequence[int], grown: Sequence[int], column_major: bool) -> Tensor:
    """Give places in the flattened x [N, C, spatial…], int64, for places in one padded channel of it.

    `shift`: the padding before each spatial axis, `grown`: all of it.
    """
    spatial = x.shape[2:]
    rest, lines = place, list[torch.Tensor]()
    for size, before, more in reversed([*zip(spatial, shift, grown, strict=True)]):
        lines.insert(0, rest % (size + more) - before)
        rest = rest // (size + more)
    order = range(len(lines)) if column_major else reversed(range(len(lines)))
    flat, step = torch.zeros_like(place), 1
    for axis in order:
        flat = flat + lines[axis] * step
        step = step * spatial[axis]
    planes = torch.arange(x.shape[0] * x.shape[1], device=x.device).reshape(x.shape[0], x.shape[1], *[1] * len(spatial))
    return flat + planes * step


def put_back(x: Tensor, places: Tensor, shape: Sequence[int]) -> Tensor:
    """Give zeros of a shape with the elements of x at `places` in it, counted flat."""
    flat = torch.zeros(int(np.prod(shape)), dtype=x.dtype, device=x.device)
    return flat.scatter(0, places.reshape(-1), x.reshape(-1)).reshape([*shape])


LOWERINGS: dict[str, Lowering] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": global_pool,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": global_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxUnpool": max_unpool,
}
