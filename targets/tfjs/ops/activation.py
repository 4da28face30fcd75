"""Activations."""

from __future__ import annotations

import math

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..graph import Tensor
from .fused import CLIP, activated, clipped
from .lowering import Lowering

_UNARY = {"ELU": "Elu", "LOG_SOFTMAX": "LogSoftmax", "LOGISTIC": "Sigmoid", "TANH": "Tanh"}
"""Operator of the dialect → TF.js operator with the same meaning."""


def unary(call: Call, b: Builder) -> Tensor:
    """Work on one operand, keeping its shape."""
    return b.unary(_UNARY[call.op], call[0])


def rectifier(call: Call, b: Builder) -> Tensor:
    """RELU, RELU6 and RELU_N1_TO_1."""
    return activated(b, call[0], call.op)


def clip(call: Call, b: Builder) -> Tensor:
    """CLIP: x kept between two numbers, either of which may be infinite."""
    return clipped(b, call[0], call.real("low", -math.inf), call.real("high", math.inf))


def leaky_relu(call: Call, b: Builder) -> Tensor:
    """LEAKY_RELU: x above zero, alpha · x below."""
    return b.unary("LeakyRelu", call[0], alpha=call.real("alpha", 0.2))


def prelu(call: Call, b: Builder) -> Tensor:
    """PRELU: x above zero, alpha · x below; alpha broadcasts."""
    x, own = call[0], [*call.shape(1)]
    while own and own[0] == 1:
        own.pop(0)
    if own and tuple(own) == x.shape[x.rank - len(own) :]:
        # What wasm takes: it repeats alpha over and over along x, element by element.
        return b.op("Prelu", [x, call.reshaped(1, own)], x.shape, x.dtype, T=x.dtype)
    alpha = call[1] if own else call.reshaped(1, ())
    return b.binary("AddV2", b.unary("Relu", x), b.binary("Mul", clipped(b, x, -math.inf, 0.0), alpha))


def gelu(call: Call, b: Builder) -> Tensor:
    """GELU: x · Φ(x), Φ by the error function or by the approximation with tanh (Hendrycks and Gimpel, 2016)."""
    x = call[0]
    if call.integer("approximate", 0):
        # √(2/π) · (x + 0.044715 · x³) as x · (√(2/π) + √(2/π) · 0.044715 · x²)
        root = math.sqrt(2 / math.pi)
        inner = b.binary("AddV2", b.binary("Mul", b.unary("Square", x), root * 0.044715), root)
        bent = b.unary("Tanh", b.binary("Mul", x, inner))
    else:
        bent = b.unary("Erf", b.binary("Mul", x, math.sqrt(0.5)))
    return b.binary("Mul", b.binary("Mul", x, 0.5), b.binary("AddV2", bent, 1.0))


def hard_swish(call: Call, b: Builder) -> Tensor:
    """HARD_SWISH: x · relu6(x + 3) / 6."""
    x = call[0]
    gate = b.unary("Relu6", b.binary("AddV2", x, 3.0))
    return b.binary("Mul", b.binary("Mul", gate, 1 / 6), x)


def softmax(call: Call, b: Builder) -> Tensor:
    """SOFTMAX along the last axis."""
    if call.real("beta", 1.0) != 1.0:
        raise Refused("a softmax with a temperature")
    return b.unary("Softmax", call[0])


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1"), rectifier),
    CLIP: clip,
    "GELU": gelu,
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "PRELU": prelu,
    "SOFTMAX": softmax,
}
