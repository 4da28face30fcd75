"""Activations: one operand, bent element by element or along one axis."""

from __future__ import annotations

import numpy as np

from ..builder import INT32, Array, Builder, Var, type_name
from ..call import Call
from .lowering import Lowering
from .reduction import first_of_largest, places

_UNARY = {"Sigmoid": "sigmoid", "Softplus": "softplus", "Softsign": "softsign"}
"""ONNX operator → MIL operation of the same meaning."""

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""Source: ONNX's Selu, which rounds the published numbers to float32."""


def unary(call: Call, b: Builder) -> Var:
    """Bend one operand, without parameters."""
    return b.op(_UNARY[call.op], call[0])


def relu(call: Call, b: Builder) -> Var:
    """Relu, also of integers, which MIL's does not take."""
    x = call[0]
    return b.op("maximum", x, 0) if type_name(x) == "int32" else b.op("relu", x)


def leaky_relu(call: Call, b: Builder) -> Var:
    """LeakyRelu."""
    return b.op("leaky_relu", call[0], alpha=call.real("alpha", 0.01))


def prelu(call: Call, b: Builder) -> Var:
    """PRelu. MIL's has a constant slope for each channel; any other is chosen element by element."""
    x = call[0]
    slopes = _slopes(call)
    if slopes is not None and type_name(x) != "int32":
        return b.op("prelu", x, alpha=slopes)
    return b.op("select", b.op("less", x, 0), b.op("mul", x, call[1]), x)


def _slopes(call: Call) -> Array | None:
    """Give the slopes [C] that MIL's prelu takes, None where it takes none: it wants one number along other axes."""
    rank, sizes = call.rank(), call.sizes()
    if rank not in (3, 4, 5) or not call.is_constant(1) or not isinstance(sizes[1], int):
        return None
    slope = call.constant(1, "slope")
    channels = slope.reshape((1,) * (rank - slope.ndim) + slope.shape)
    if channels.size != channels.shape[1] or (rank != 4 and np.unique(slope).size > 1):
        return None
    return np.ascontiguousarray(np.broadcast_to(channels.reshape(-1), (sizes[1],)))


def elu(call: Call, b: Builder) -> Var:
    """Elu."""
    return b.op("elu", call[0], alpha=call.real("alpha", 1.0))


def selu(call: Call, b: Builder) -> Var:
    """Selu: an Elu, scaled."""
    bent = b.op("elu", call[0], alpha=call.real("alpha", _SELU_ALPHA))
    return b.op("mul", bent, call.real("gamma", _SELU_GAMMA))


def gelu(call: Call, b: Builder) -> Var:
    """Gelu, exact or by tanh."""
    mode = "TANH_APPROXIMATION" if call.text("approximate", "none") == "tanh" else "EXACT"
    return b.op("gelu", call[0], mode=mode)


def hard_sigmoid(call: Call, b: Builder) -> Var:
    """HardSigmoid."""
    return b.op("sigmoid_hard", call[0], alpha=call.real("alpha", 0.2), beta=call.real("beta", 0.5))


def hard_swish(call: Call, b: Builder) -> Var:
    """HardSwish: x · HardSigmoid(x / 6 + 1/2)."""
    return b.op("mul", call[0], b.op("sigmoid_hard", call[0], alpha=1 / 6, beta=0.5))


def swish(call: Call, b: Builder) -> Var:
    """Swish: x · Sigmoid(alpha · x)."""
    x, alpha = call[0], call.real("alpha", 1.0)
    if alpha == 1.0:
        return b.op("silu", x)
    return b.op("mul", x, b.op("sigmoid", b.op("mul", x, alpha)))


def mish(call: Call, b: Builder) -> Var:
    """Mish: x · tanh(Softplus(x))."""
    return b.op("mul", call[0], b.op("tanh", b.op("softplus", call[0])))


def thresholded_relu(call: Call, b: Builder) -> Var:
    """ThresholdedRelu: 0 unless above alpha; MIL's keeps alpha itself."""
    return b.op("select", b.op("greater", call[0], call.real("alpha", 1.0)), call[0], 0.0)


def clip(call: Call, b: Builder) -> Var:
    """Clip: with two constant bounds of floats MIL's own, else by the larger and then the smaller of two.

    In this order a lower bound above the upper one gives the upper one everywhere, as in ONNX.
    """
    x = call[0]
    low, high = (_number(call, index) for index in (1, 2))
    if type_name(x) != "int32":
        if low is not None and high is not None and low < high:
            return b.op("relu6", x) if (low, high) == (0, 6) else b.op("clip", x, float(low), float(high))
        if low == 0 and not call.has(2):
            return b.op("relu", x)
    for operation, index, number in (("maximum", 1, low), ("minimum", 2, high)):
        if call.has(index):
            x = b.op(operation, x, call[index] if number is None else _held(number, x))
    return x


def _number(call: Call, index: int) -> float | None:
    return call.constant(index, "bound").item() if call.is_constant(index) else None


def _held(number: float, x: Var) -> float:
    """Give a bound of integers within int32, as all that is bounded is; what lies beyond bounds nothing."""
    return max(min(number, INT32.max), INT32.min) if type_name(x) == "int32" else float(number)


def softmax(call: Call, b: Builder) -> Var:
    """Softmax along one axis."""
    return b.op("softmax", call[0], axis=call.axis(-1))


def log_softmax(call: Call, b: Builder) -> Var:
    """LogSoftmax of what is left below the largest element: far from 0 the sum itself would lose digits."""
    axes = [call.axis(-1)]
    below = b.op("sub", call[0], b.op("reduce_max", call[0], axes=axes, keep_dims=True))
    return b.op("sub", below, b.op("reduce_log_sum_exp", below, axes=axes, keep_dims=True))


def hardmax(call: Call, b: Builder) -> Var:
    """Hardmax: 1 at the first of the largest elements along one axis."""
    x, axis = call[0], call.axis(-1)
    chosen = b.op("equal", places(b, x, axis), first_of_largest(b, x, axis))
    return b.cast(chosen, type_name(x))


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_UNARY, unary),
    "Clip": clip,
    "Elu": elu,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Hardmax": hardmax,
    "LeakyRelu": leaky_relu,
    "LogSoftmax": log_softmax,
    "Mish": mish,
    "PRelu": prelu,
    "Relu": relu,
    "Selu": selu,
    "Softmax": softmax,
    "Swish": swish,
    "ThresholdedRelu": thresholded_relu,
}
