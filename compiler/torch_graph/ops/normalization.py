"""Normalizations over axes, and by statistics that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import onnx_ir as ir
import torch
from torch import nn
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder, torch_tensor
from ..lowering import Lowering
from .convolution import with_weights
from .pieces import sizes_of, stem_of, tensor_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node


_BATCH: Final[dict[int, type[nn.Module]]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
"""Number of axes → layer."""


def batch_normalization(call: Call[Node], b: Builder) -> Node | list[Node | None]:
    """BatchNormalization by given statistics, or by those of the batch."""
    epsilon, momentum = call.real("epsilon", 1e-5), call.real("momentum", 0.9)
    if call.integer("training_mode", 0):
        results = b.call(normalized_by_batch, *call.all(), momentum, epsilon)
        return [b.item(results, index) for index in range(3)]
    weight, bias, mean, variance = tensors = [tensor_of(call, index) for index in range(1, 5)]
    alike = all(call.dtype(index) == call.dtype() for index in range(1, 5))
    if not alike or call.rank() not in _BATCH or any(tensor is None for tensor in tensors):
        return b.call(normalized_by, *call.all(), epsilon)
    assert weight is not None
    layer = _BATCH[call.rank()](weight.size, eps=epsilon, momentum=1 - momentum, device="meta")
    with_weights(b, layer, weight=weight, bias=bias)
    for name, tensor in (("running_mean", mean), ("running_var", variance)):
        assert tensor is not None
        layer.register_buffer(name, torch_tensor(tensor))
    layer.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.int64))
    return b.layer(stem_of(call), layer, call[0])


def normalized_by(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> Tensor:
    """Normalize x [N, C, …] by statistics of each channel, in the widest dtype of all."""
    shape = (-1, *[1] * (x.dim() - 2)) if x.dim() > 2 else (-1,)
    factor = weight * torch.rsqrt(variance + epsilon)
    y = (x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape)
    return y.to(x.dtype)


def normalized_by_batch(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, momentum: float, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalize x [N, C, …] by its own statistics; give the running ones too, of the whole population as in ONNX."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    wide = x if x.dtype is torch.float64 else x.float()
    own_mean = wide.mean(axes)
    own_variance = (wide - own_mean.reshape(-1, *[1] * (x.dim() - 2))).square().mean(axes)
    y = normalized_by(wide, weight, bias, own_mean, own_variance, epsilon).to(x.dtype)
    running = (
        (old * momentum + new * (1 - momentum)).to(old.dtype)
        for old, new in ((mean, own_mean), (variance, own_variance))
    )
    return y, *running  # type: ignore[return-value]  # two of them


def instance_normalization(call: Call[Node], b: Builder) -> Node:
    """InstanceNormalization: a group normalization whose groups are the channels."""
    (channels,) = call.shape(1)
    return _grouped(call, b, channels, tensor_of(call, 1), tensor_of(call, 2))


def group_normalization(call: Call[Node], b: Builder) -> Node:
    """GroupNormalization; before opset 21 scale and bias count the groups."""
    groups = call.integer("num_groups", 1)
    weight, bias = tensor_of(call, 1), tensor_of(call, 2)
    if call.opset >= 21:
        return _grouped(call, b, groups, weight, bias)
    channels = call.node.inputs[0].shape[1] if call.node.inputs[0] is not None and call.node.inputs[0].shape else None
    if weight is None or bias is None or not isinstance(channels, int):
        raise Refused("before opset 21 its scale counts groups, and here they or the channels are known at run time")
    each = channels // groups
    weight, bias = (b.changed(one, f"each_{each}_times", lambda array: array.repeat(each)) for one in (weight, bias))
    return _grouped(call, b, groups, weight, bias)


def _grouped(
    call: Call[Node], b: Builder, groups: int, weight: ir.TensorProtocol | None, bias: ir.TensorProtocol | None
) -> Node:
    epsilon = call.real("epsilon", 1e-5)
    alike = all(call.dtype(index) == call.dtype() for index in (1, 2))
    if weight is None or bias is None or not alike or call.rank() < 3:
        return b.call(normalized_groups, call[0], groups, call[1], call[2], epsilon)
    layer = nn.GroupNorm(groups, weight.size, eps=epsilon, device="meta")
    return b.layer(stem_of(call), with_weights(b, layer, weight=weight, bias=bias), call[0])


def normalized_groups(x: Tensor, groups: int, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Normalize groups of channels of x [N, C, …], then scale and shift by channel."""
    y = torch.group_norm(x, groups, None, None, epsilon)
    shape = (-1, *[1] * (x.dim() - 2)) if x.dim() > 2 else (-1,)
    return (y * weight.reshape(shape) + bias.reshape(shape)).to(x.dtype)


def layer_normalization(call: Call[Node], b: Builder) -> Node | list[Node | None]:
    """LayerNormalization over the last axes, and what it divided by, both in float32 as they are defined."""
    epsilon, count = call.real("epsilon", 1e-5), call.rank() - call.axis(-1)
    weight, bias = tensor_of(call, 1), tensor_of(call, 2)
    constant = weight is not None and (bias is not None or not call.has(2))
    alike = all(call.dtype(index) == call.dtype() for index in (1, 2) if call.has(index))
    shape = _size(call, count)
    if constant and alike and shape is not None and all(_has(tensor, shape) for tensor in (weight, bias)):
        layer = nn.LayerNorm(shape, eps=epsilon, bias=bias is not None, device="meta")
        y = b.layer(stem_of(call), with_weights(b, layer, weight=weight, bias=bias), call[0])
    else:
        y = b.call(normalized_last, call[0], count, call[1], call.get(2), epsilon)
    if not (call.wants(1) or call.wants(2)):
        return y
    if call.integer("stash_type", 1) != 1:
        raise Refused("its mean and deviation are asked for in another dtype than float32")
    statistics = b.call(statistics_of_last, call[0], count, epsilon)
    return [y, b.item(statistics, 0), b.item(statistics, 1)]


def normalized_last(x: Tensor, count: int, weight: Tensor, bias: Tensor | None, epsilon: float) -> Tensor:
    """Normalize the last `count` axes, then scale and shift by tensors that broadcast."""
    y = torch.layer_norm(x, x.shape[x.dim() - count :], None, None, epsilon) * weight
    return (y if bias is None else y + bias).to(x.dtype)


def statistics_of_last(x: Tensor, count: int, epsilon: float) -> tuple[Tensor, Tensor]:
    """Give mean and 1 / deviation of the last `count` axes, float32 of as many axes."""
    axes, wide = [*range(-count, 0)], x.float()
    mean = wide.mean(axes, keepdim=True)
    return mean, torch.rsqrt((wide - mean).square().mean(axes, keepdim=True) + epsilon)


def rms_normalization(call: Call[Node], b: Builder) -> Node:
    """RMSNormalization over the last axes; the mean of squares in float32, as it is defined."""
    epsilon, count, weight = call.real("epsilon", 1e-5), call.rank() - call.axis(-1), tensor_of(call, 1)
    shape = _size(call, count)
    if weight is not None and shape is not None and _has(weight, shape) and call.dtype(1) == call.dtype():
        layer = nn.RMSNorm(shape, eps=epsilon, device="meta")
        return b.layer(stem_of(call), with_weights(b, layer, weight=weight), call[0])
    return b.call(divided_by_size, call[0], count, call[1], epsilon)


def divided_by_size(x: Tensor, count: int, weight: Tensor, epsilon: float) -> Tensor:
    """Divide by the root of the mean square of the last `count` axes, then scale."""
    wide = x if x.dtype is torch.float64 else x.float()
    y = wide * torch.rsqrt(wide.square().mean([*range(-count, 0)], keepdim=True) + epsilon)
    return (y.to(x.dtype) * weight).to(x.dtype)


def _size(call: Call[Node], count: int) -> tuple[int, ...] | None:
    """Give the sizes of the last `count` axes, None when one is known only at run time."""
    value = call.node.inputs[0]
    assert value is not None, call.node
    sizes = [*(value.shape or ())][call.rank() - count :]
    return tuple(int(size) for size in sizes) if all(isinstance(size, int) for size in sizes) else None


def _has(tensor: ir.TensorProtocol | None, shape: Sequence[int]) -> bool:
    return tensor is None or sizes_of(tensor) == tuple(shape)


def lp_normalization(call: Call[Node], b: Builder) -> Node:
    """LpNormalization."""
    return b.call(divided_by_norm, call[0], call.integer("p", 2), call.axis(-1))


def divided_by_norm(x: Tensor, power: int, axis: int) -> Tensor:
    """Divide by the norm along an axis; where the norm is 0 so are all elements, and the result."""
    norm = x.abs().sum(axis, keepdim=True) if power == 1 else x.square().sum(axis, keepdim=True).sqrt()
    return x / torch.where(norm > 0, norm, torch.ones_like(norm))


def mean_variance_normalization(call: Call[Node], b: Builder) -> Node:
    """MeanVarianceNormalization: (x − mean) / (deviation + 1e-9), a number that float16 does not have."""
    return b.call(standardized, call[0], [axis % call.rank() for axis in call.ints("axes") or (0, 2, 3)])


def standardized(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Take the mean along axes off x, and divide by the deviation."""
    wide = x if x.dtype is torch.float64 else x.float()
    centred = wide - wide.mean([*axes], keepdim=True)
    return (centred / (centred.square().mean([*axes], keepdim=True).sqrt() + 1e-9)).to(x.dtype)


def local_response_normalization(call: Call[Node], b: Builder) -> Node:
    """LRN; the middle of an even window is the channel before."""
    numbers = (call.real("alpha", 1e-4), call.real("beta", 0.75), call.real("bias", 1.0))
    return b.call(divided_by_neighbours, call[0], call.integer("size", 1), *numbers)


def divided_by_neighbours(x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """Divide x [N, C, …] by (bias + alpha · mean square of `size` channels around each) ^ beta."""
    before, channels = (size - 1) // 2, x.shape[1]
    squares = functional.pad(x * x, [0, 0] * (x.dim() - 2) + [before, size - 1 - before])
    total = squares.narrow(1, 0, channels)
    for start in range(1, size):
        total = total + squares.narrow(1, start, channels)
    return x / (total * (alpha / size) + bias) ** beta


LOWERINGS: dict[str, Lowering] = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LRN": local_response_normalization,
    "LayerNormalization": layer_normalization,
    "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
    "RMSNormalization": rms_normalization,
}
