"""Activations: one operand, bent element by element or along one axis.

What Relax has an operator for is said by it, unless that loses NaN; the rest is an expression of one element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, te, tirx
from .elements import elementwise
from .extremes import bounded, larger, smaller
from .pieces import HALVES, cast, in_float32, minus, number, plus, sizes_of, times, widened
from .reduction import place_along
from .tanh import tanh

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""Source: ONNX's Selu, which rounds the published numbers to float32."""

Curve = Callable[[Any], Any]
"""From one element to one, both `tirx.Expr` of float32 or float64."""


def bent(b: Builder, name: str, x: Expr, curve: Curve) -> Expr:
    """Bend each element of x by itself; those of 16 bits in float32."""

    def element(at: tuple[Any, ...], data: Any) -> Any:
        value = data(*at)
        return curve(value.astype("float32")).astype(data.dtype) if str(data.dtype) in HALVES else curve(value)

    return b.each(name, sizes_of(x), element, x)


def relu(call: Call[Expr], b: Builder) -> Expr:
    """Relu, also of integers."""
    return bent(b, "relu", call[0], lambda x: bounded(x, 0, None))


def leaky_relu(call: Call[Expr], b: Builder) -> Expr:
    """LeakyRelu."""
    return b.op(relax().op.nn.leakyrelu, call[0], alpha=call.real("alpha", 0.01))


def prelu(call: Call[Expr], b: Builder) -> Expr:
    """PRelu: a slope, which broadcasts, where x is below 0."""
    x = call[0]
    return b.op(relax().op.where, b.op(relax().op.less, x, number(b, x, 0)), times(b, x, call[1]), x)


def sigmoid(call: Call[Expr], b: Builder) -> Expr:
    """Sigmoid."""
    return in_float32(lambda x: b.op(relax().op.sigmoid, x), b, call[0])


def hard_sigmoid(call: Call[Expr], b: Builder) -> Expr:
    """HardSigmoid: alpha · x + beta, within 0 and 1."""
    return _hard(b, call[0], call.real("alpha", 0.2), call.real("beta", 0.5))


def hard_swish(call: Call[Expr], b: Builder) -> Expr:
    """HardSwish: x · HardSigmoid(x / 6 + 1/2)."""
    return times(b, call[0], _hard(b, call[0], 1 / 6, 0.5))


def _hard(b: Builder, x: Expr, alpha: float, beta: float) -> Expr:
    line = plus(b, times(b, x, number(b, x, alpha)), number(b, x, beta))
    return bent(b, "clip", line, lambda x: bounded(x, 0, 1))


def swish(call: Call[Expr], b: Builder) -> Expr:
    """Swish: x · Sigmoid(alpha · x)."""
    alpha = call.real("alpha", 1.0)

    def work(x: Expr) -> Expr:
        return times(b, x, b.op(relax().op.sigmoid, x if alpha == 1 else times(b, x, number(b, x, alpha))))

    return in_float32(work, b, call[0])


def clip(call: Call[Expr], b: Builder) -> Expr:
    """Clip: the larger of it and a bound, and then the smaller of that and the other.

    In this order a lower bound above the upper one gives the upper one everywhere, as in ONNX.
    """
    given = [index for index in (1, 2) if call.has(index)]
    if all(call.is_constant(index) and not np.isnan(call.constant(index, "bound")) for index in given):
        low, high = (call.constant(index, "bound").item() if index in given else None for index in (1, 2))
        return bent(b, "clip", call[0], lambda x: bounded(x, low, high))
    x = widened(b, call[0])
    for choose, index in ((larger, 1), (smaller, 2)):
        x = elementwise(b, "clip", choose, x, widened(b, call[index])) if index in given else x
    return cast(b, x, dtype_of(call[0]))


def _parted(x: Any, negative: Any) -> Any:
    return tirx().Select(x > 0, x, negative)


def _number(value: float, x: Any) -> Any:
    return tirx().const(value, str(x.ty.dtype))


def _softplus(x: Any) -> Any:
    """Take the exponential of what is not above 0 alone, so that it never overflows."""
    return te().max(x, _number(0, x)) + tirx().log1p(te().exp(_number(0, x) - te().abs(x)))


def _elu(call: Call[Expr]) -> Curve:
    alpha = call.real("alpha", 1.0)
    return lambda x: _parted(x, _number(alpha, x) * _expm1(x))


def _celu(call: Call[Expr]) -> Curve:
    alpha = call.real("alpha", 1.0)
    return lambda x: _parted(x, _number(alpha, x) * _expm1(x / _number(alpha, x)))


def _selu(call: Call[Expr]) -> Curve:
    alpha, gamma = call.real("alpha", _SELU_ALPHA), call.real("gamma", _SELU_GAMMA)
    return lambda x: _number(gamma, x) * _parted(x, _number(alpha, x) * _expm1(x))


def _expm1(x: Any) -> Any:
    return te().exp(x) - _number(1, x)


def _gelu(call: Call[Expr]) -> Curve:
    if call.text("approximate", "none") == "tanh":
        return lambda x: (
            _number(0.5, x)
            * x
            * (_number(1, x) + tanh(_number(0.7978845608028654, x) * (x + _number(0.044715, x) * x * x * x)))
        )
    return lambda x: _number(0.5, x) * x * (_number(1, x) + te().erf(x * _number(0.5**0.5, x)))


def _thresholded_relu(call: Call[Expr]) -> Curve:
    alpha = call.real("alpha", 1.0)
    return lambda x: tirx().Select(x > _number(alpha, x), x, _number(0, x))


_CURVES: Mapping[str, Callable[[Call[Expr]], Curve]] = {
    "Celu": _celu,
    "Elu": _elu,
    "Gelu": _gelu,
    "Mish": lambda _: lambda x: x * tanh(_softplus(x)),
    "Selu": _selu,
    "Softplus": lambda _: _softplus,
    "Softsign": lambda _: lambda x: x / (_number(1, x) + te().abs(x)),
    "ThresholdedRelu": _thresholded_relu,
}
"""ONNX operator → from the attributes of a node to what it does with each element."""


def curved(call: Call[Expr], b: Builder) -> Expr:
    """Bend each element by the curve of the operator."""
    return bent(b, call.op.lower(), call[0], _CURVES[call.op](call))


def softmax(call: Call[Expr], b: Builder) -> Expr:
    """Softmax along one axis."""
    return in_float32(lambda x: b.op(relax().op.nn.softmax, x, axis=call.axis(-1)), b, call[0])


def log_softmax(call: Call[Expr], b: Builder) -> Expr:
    """LogSoftmax of what is left below the largest element: far from 0 the sum itself would lose digits."""
    axis = call.axis(-1)

    def work(x: Expr) -> Expr:
        below = minus(b, x, b.op(relax().op.max, x, axis=axis, keepdims=True))
        total = b.op(relax().op.sum, b.op(relax().op.exp, below), axis=axis, keepdims=True)
        return minus(b, below, b.op(relax().op.log, total))

    return in_float32(work, b, call[0])


def hardmax(call: Call[Expr], b: Builder) -> Expr:
    """Hardmax: 1 at the first of the largest elements along one axis; NaN counts as the largest, as in ArgMax."""
    x, axis = call[0], call.axis(-1)
    first = place_along(b, widened(b, x), axis, largest=True)

    def element(at: tuple[Any, ...], place: Any) -> Any:
        own = place(*(0 if other == axis else index for other, index in enumerate(at)))
        return tirx().Select(own == at[axis], tirx().const(1, dtype), tirx().const(0, dtype))

    dtype = dtype_of(x)
    return b.each("hardmax", sizes_of(x), element, first)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(_CURVES, curved),
    "Clip": clip,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Hardmax": hardmax,
    "LeakyRelu": leaky_relu,
    "LogSoftmax": log_softmax,
    "PRelu": prelu,
    "Relu": relu,
    "Sigmoid": sigmoid,
    "Softmax": softmax,
    "Swish": swish,
}
