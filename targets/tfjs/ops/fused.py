"""Activations that the operator before applies itself."""

from __future__ import annotations

from ...refused import Refused
from ..builder import Builder
from ..call import Call
from ..graph import Tensor, Text

KERNELS_APPLY = {"RELU": "Relu", "RELU6": "Relu6", "ELU": "Elu", "LOGISTIC": "Sigmoid", "LEAKY_RELU": "LeakyRelu"}
"""Activation of the dialect → its name among the `fused_ops` that kernels of all four backends apply."""


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
            return b.op("ClipByValue", [x, -1.0, 1.0], x.shape, x.dtype, T=x.dtype)
    raise Refused(f"TF.js has no activation {activation}")


def activation_of(call: Call) -> str:
    """Give the activation that a dialect node has taken in, `NONE` for none."""
    return call.text("fused_activation_function", "NONE")


def fused_ops(activation: str | None) -> list[Text]:
    """Give the attribute `fused_ops` of a node that adds a bias and then applies this activation."""
    return [Text("BiasAdd"), *([Text(KERNELS_APPLY[activation])] if activation else [])]
