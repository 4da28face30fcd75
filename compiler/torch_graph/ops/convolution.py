"""Convolutions: layers where the weights are constant, calls where they are computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import onnx_ir as ir
import torch
from torch import nn
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.windows import cropping_of, windows_of
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
    weight, bias, kernel = tensor_of(call, 1), tensor_of(call, 2), kernel_of(call, 1)
    if weight is None or (call.has(2) and bias is None):
        return convolved(call, b, call[0], call[1], call.get(2), kernel)
    out_channels, per_group, *_ = sizes_of(weight)
    x, settings = _placed(call, b, call[0], kernel)
    layer = _LAYERS[len(kernel) - 1](
        per_group * call.integer("group", 1), out_channels, kernel, bias=bias is not None, device="meta", **settings
    )
    return b.layer(stem_of(call), with_weights(b, layer, weight=weight, bias=bias), x)


def convolved(call: Call[Node], b: Builder, x: Node, weight: Node, bias: Node | None, kernel: tuple[int, ...]) -> Node:
    """Convolve by a node's attributes; `kernel` is the spatial shape of the weight."""
    x, settings = _placed(call, b, x, kernel)
    return b.call(_CALLS[len(kernel) - 1], x, weight, bias, **settings)


def _placed(call: Call[Node], b: Builder, x: Node, kernel: tuple[int, ...]) -> tuple[Node, dict[str, Any]]:
    """Give x, padded with zeros where the two ends differ, and how the windows lie in it."""
    windows = windows_of(call, kernel)
    settings = {"stride": windows.stride, "dilation": windows.dilation, "groups": call.integer("group", 1)}
    if windows.is_even:
        return x, {**settings, "padding": windows.before}
    return padded(b, x, windows.pads), {**settings, "padding": (0,) * len(kernel)}


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
