"""Convolutions: layers where the weights are constant, calls where they are computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import onnx_ir as ir
import torch
from torch import nn
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.windows import Windows, cropping_of, windows_of
from ..builder import Builder
from ..lowering import Lowering
from .pieces import padded, plus_channels, sizes_of, stem_of, tensor_of

if TYPE_CHECKING:
    from torch.fx import Node

_LAYERS: Final[Sequence[type[nn.Module]]] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CALLS: Final[Sequence[Callable[..., Any]]] = (torch.conv1d, torch.conv2d, torch.conv3d)
_TURNED_LAYERS: Final[Sequence[type[nn.Module]]] = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_TURNED_CALLS: Final[Sequence[Callable[..., Any]]] = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
"""One a number of spatial axes."""


def conv(call: Call[Node], b: Builder) -> Node:
    """Conv over one to three axes."""
    windows = windows_of(call, kernel_of(call, 1))
    x, padding = evenly_padded(b, call[0], windows)
    settings = {
        "stride": windows.stride,
        "padding": padding,
        "dilation": windows.dilation,
        "groups": call.integer("group", 1),
    }
    place = len(windows.kernel) - 1
    weight = tensor_of(call, 1)
    if weight is None or (call.has(2) and not call.is_constant(2)):
        return b.call(_CALLS[place], x, call[1], call.get(2), **settings)
    out_channels, per_group, *_ = sizes_of(weight)
    bias = tensor_of(call, 2)
    layer = _LAYERS[place](
        per_group * call.integer("group", 1),
        out_channels,
        windows.kernel,
        bias=bias is not None,
        device="meta",
        **settings,
    )
    return b.layer(stem_of(call), with_weights(b, layer, weight=weight, bias=bias), x)


def conv_transpose(call: Call[Node], b: Builder) -> Node:
    """ConvTranspose over one to three axes. What lies behind the last window is zero, and the bias."""
    kernel = kernel_of(call, 1)
    ends = cropping_of(call, kernel)
    rank = len(kernel)
    stride, dilation = ([*(call.ints(name) or [1] * rank)] for name in ("strides", "dilations"))
    more = [before - behind for before, behind in ends]
    said = all(0 <= extra < max(pair) for extra, *pair in zip(more, stride, dilation, strict=True))
    grows = any(behind < 0 for _, behind in ends)
    settings = {
        "stride": stride,
        "padding": [before for before, _ in ends] if said else [0] * rank,
        "output_padding": more if said else [0] * rank,
        "groups": call.integer("group", 1),
        "dilation": dilation,
    }
    outside = not said and grows  # the bias goes on what is added behind too
    weight, bias = tensor_of(call, 1), tensor_of(call, 2)
    if weight is None or (call.has(2) and bias is None):
        inner = None if outside else call.get(2)
        y = b.call(_TURNED_CALLS[rank - 1], call[0], call[1], inner, **settings)
    else:
        channels, per_group, *_ = sizes_of(weight)
        has_bias = bias is not None and not outside
        layer = _TURNED_LAYERS[rank - 1](
            channels, per_group * call.integer("group", 1), kernel, bias=has_bias, device="meta", **settings
        )
        y = b.layer(stem_of(call), with_weights(b, layer, weight=weight, bias=bias if has_bias else None), call[0])
    if said:
        return y
    y = padded(b, y, [(-before, -behind) for before, behind in ends])
    return plus_channels(b, y, call[2], call.rank()) if outside and call.has(2) else y


def kernel_of(call: Call[Node], index: int) -> tuple[int, ...]:
    """Give the spatial shape of the weights.

    Raises:
        Refused: when it is known only at run time.
    """
    return call.shape(index)[2:]


def evenly_padded(b: Builder, x: Node, windows: Windows) -> tuple[Node, tuple[int, ...]]:
    """Give x, padded with zeros where the two ends differ, and the padding that a layer can still do itself."""
    if windows.is_even and not windows.ceil:
        return x, windows.before
    return padded(b, x, windows.pads), (0,) * len(windows.kernel)


def with_weights(b: Builder, layer: nn.Module, **tensors: ir.TensorProtocol | None) -> nn.Module:
    """Give a layer its parameters, made of constants of the hub.

    Raises:
        Refused: when PyTorch has no such dtype.
    """
    for name, tensor in tensors.items():
        if tensor is not None:
            setattr(layer, name, b.parameter(tensor))
    return layer


LOWERINGS: dict[str, Lowering] = {"Conv": conv, "ConvTranspose": conv_transpose}
