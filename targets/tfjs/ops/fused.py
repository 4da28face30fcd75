"""Activations that the operator before applies itself."""

from __future__ import annotations

import math

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..graph import Tensor, Text

KERNELS_APPLY = {"RELU": "Relu", "RELU6": "Relu6", "ELU": "Elu", "LOGISTIC": "Sigmoid", "LEAKY_RELU": "LeakyRelu"}
"""Activation of the dialect → its name among the `fused_ops` that kernels of all four backends apply."""


CLIP = "CLIP"
"""An operator that TFLite has not: reals kept between the attributes `low` and `high`."""


def clipped(b: Builder, x: Tensor, low: float, high: float) -> Tensor:
    """Keep reals between two numbers. On wasm Minimum and Maximum take 15 times as long."""
    match low, high:
        case 0, math.inf:
            return b.unary("Relu", x)
        case 0, 6:
            return b.unary("Relu6", x)
    return b.op("ClipByValue", [x, low, high], x.shape, x.dtype, T=x.dtype)


def activated(b: Builder, x: Tensor, activation: str) -> Tensor:
    """Apply the activation that a dialect node has taken in (`fused_activation_function`) by an operator of its own.

    Raises:
        Refused: when TF.js has none for it.
    """
    match activation:
        case "NONE":
            return x
        case "RELU" | "RELU6":
            return b.unary(KERNELS_APPLY[activation], x)
        case "RELU_N1_TO_1":
            return clipped(b, x, -1.0, 1.0)
    raise Refused(f"TF.js has no activation {activation}")


def activation_of(call: Call) -> str:
    """Give the activation that a dialect node has taken in, `NONE` for none."""
    return call.text("fused_activation_function", "NONE")


def fused_ops(activation: str | None) -> list[Text]:
    """Give the attribute `fused_ops` of a node that adds a bias and then applies this activation."""
    return [Text("BiasAdd"), *([Text(KERNELS_APPLY[activation])] if activation else [])]
