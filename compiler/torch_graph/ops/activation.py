"""Activations: one operand, bent element by element or along one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx_ir as ir
import torch
from torch import nn
from torch.nn import functional

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .convolution import with_weights
from .pieces import sizes_of, stem_of, tensor_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

_UNARY: Final[Mapping[str, Callable[..., Any]]] = {
    "HardSwish": functional.hardswish,
    "Mish": functional.mish,
    "Relu": torch.relu,
    "Sigmoid": torch.sigmoid,
    "Softplus": functional.softplus,
    "Softsign": functional.softsign,
}
"""ONNX operator → PyTorch's function of the same meaning."""

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""Source: ONNX's Selu, which rounds the published numbers to float32."""

_UNSIGNED = (ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64)


def unary(call: Call[Node], b: Builder) -> Node:
    """Bend one operand, without parameters."""
    return b.call(_UNARY[call.op], call[0])


def leaky_relu(call: Call[Node], b: Builder) -> Node:
    """LeakyRelu."""
    return b.call(functional.leaky_relu, call[0], call.real("alpha", 0.01))


def prelu(call: Call[Node], b: Builder) -> Node:
    """PRelu: a layer where the slopes are constant, one a channel or one for all; any other element by element."""
    if call.dtype() in _UNSIGNED:
        return call[0]
    slope = tensor_of(call, 1)
    if slope is None or not call.dtype().is_floating_point():
        return b.call(bent_below_zero, call[0], call[1])
    rank, shape = call.rank(), sizes_of(slope)
    lined = (1,) * (rank - len(shape)) + shape
    if slope.size > 1 and (rank < 2 or slope.size != lined[1]):
        return b.call(bent_below_zero, call[0], call[1])
    slope = b.changed(slope, "flat", np.ravel)
    return b.layer(stem_of(call), with_weights(b, nn.PReLU(slope.size, device="meta"), weight=slope), call[0])


def bent_below_zero(x: Tensor, slope: Tensor) -> Tensor:
    """Multiply what is below zero by a slope that broadcasts."""
    return torch.where(x < 0, x * slope, x)


def elu(call: Call[Node], b: Builder) -> Node:
    """Elu and Celu."""
    return b.call(functional.elu if call.op == "Elu" else functional.celu, call[0], call.real("alpha", 1.0))


def selu(call: Call[Node], b: Builder) -> Node:
    """Selu: an Elu, scaled."""
    alpha, gamma = call.real("alpha", _SELU_ALPHA), call.real("gamma", _SELU_GAMMA)
    if (alpha, gamma) == (_SELU_ALPHA, _SELU_GAMMA):
        return b.call(torch.selu, call[0])
    return b.call(torch.mul, b.call(functional.elu, call[0], alpha), gamma)


def gelu(call: Call[Node], b: Builder) -> Node:
    """Gelu, exact or by tanh."""
    return b.call(functional.gelu, call[0], approximate=call.text("approximate", "none"))


def hard_sigmoid(call: Call[Node], b: Builder) -> Node:
    """HardSigmoid, PyTorch's own where it has the same slope."""
    alpha, beta = call.real("alpha", 0.2), call.real("beta", 0.5)
    if np.float32(alpha) == np.float32(1 / 6) and beta == 0.5:
        return b.call(functional.hardsigmoid, call[0])
    return b.call(torch.clamp, b.call(torch.add, b.call(torch.mul, call[0], alpha), beta), 0.0, 1.0)


def swish(call: Call[Node], b: Builder) -> Node:
    """Swish: x · Sigmoid(alpha · x)."""
    alpha = call.real("alpha", 1.0)
    if alpha == 1.0:
        return b.call(functional.silu, call[0])
    return b.call(torch.mul, call[0], b.call(torch.sigmoid, b.call(torch.mul, call[0], alpha)))


def thresholded_relu(call: Call[Node], b: Builder) -> Node:
    """ThresholdedRelu: 0 unless above alpha."""
    return b.call(functional.threshold, call[0], call.real("alpha", 1.0), 0.0)


def shrink(call: Call[Node], b: Builder) -> Node:
    """Shrink: nearer to zero by the bias outside of −lambd … lambd, zero inside."""
    return b.call(shrunk, call[0], call.real("lambd", 0.5), call.real("bias", 0.0))


def shrunk(x: Tensor, limit: float, bias: float) -> Tensor:
    """Add `bias` to what is below −limit, take it from what is above, and give 0 for the rest, in the dtype of x."""
    moved = torch.where(x < -limit, x + bias, torch.where(x > limit, x - bias, torch.zeros_like(x)))
    return moved.to(x.dtype)


def clip(call: Call[Node], b: Builder) -> Node:
    """Clip. A lower bound above the upper one gives the upper one everywhere, here as in ONNX."""
    low, high = (_bound(call, index) for index in (1, 2))
    if low is None and high is None:
        return call[0]
    if not (isinstance(low, int | float | None) and isinstance(high, int | float | None)):
        return b.call(between, call[0], call.get(1), call.get(2))
    return b.call(torch.clamp, call[0], low, high)


def between(x: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
    """Bring x between bounds of one element each."""
    x = x if low is None else torch.maximum(x, low.reshape(()))
    return x if high is None else torch.minimum(x, high.reshape(()))


def _bound(call: Call[Node], index: int) -> Any:
    """Give a bound: a number, None for none, and what stands for it where it is known only at run time."""
    if not call.has(index):
        return None
    return call.constant(index, "bound").item() if call.is_constant(index) else call[index]


def softmax(call: Call[Node], b: Builder) -> Node:
    """Softmax and LogSoftmax along one axis."""
    return b.call(torch.softmax if call.op == "Softmax" else torch.log_softmax, call[0], call.axis(-1))


def hardmax(call: Call[Node], b: Builder) -> Node:
    """Hardmax: 1 at the first of the largest elements along one axis."""
    return b.call(first_of_largest, call[0], call.axis(-1))


def first_of_largest(x: Tensor, axis: int) -> Tensor:
    """Give 1 at the first of the largest elements along an axis, 0 elsewhere."""
    best = torch.argmax(x, axis, keepdim=True)
    shape = [-1 if place == axis else 1 for place in range(x.dim())]
    return (torch.arange(x.shape[axis], device=x.device).reshape(shape) == best).to(x.dtype)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    "Celu": elu,
    "Clip": clip,
    "Elu": elu,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "Hardmax": hardmax,
    "LeakyRelu": leaky_relu,
    "LogSoftmax": softmax,
    "PRelu": prelu,
    "Selu": selu,
    "Shrink": shrink,
    "Softmax": softmax,
    "Swish": swish,
    "ThresholdedRelu": thresholded_relu,
}
