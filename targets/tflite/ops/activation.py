"""Activations and functions that TFLite has no operator for, said by others."""

from __future__ import annotations

import math

import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_of, shape_of
from .lowering import Lowering


def lower_gelu(call: Call, b: Builder) -> ir.Value:
    """GELU; both kernels are within 1e-6 of the exact functions."""
    return b.unary("GELU", call[0], approximate=call.text("approximate", "none") == "tanh")


def lower_erf(call: Call, b: Builder) -> ir.Value:
    """Turn gelu(y) = y · (1 + erf(y / √2)) / 2 around: erf(x) = 2 · gelu(y) / y − 1 for y = √2 · x.

    The quotient is 1/2 at 0 and needs y ≠ 0: magnitudes below 1e-6 are taken as 1e-6, an error below 1e-6. From ±8 on
    float32 has erf = ±1.
    """
    x = call[0]
    y = b.binary("MUL", x, b.full(math.sqrt(2), x))
    y = b.binary("MINIMUM", b.binary("MAXIMUM", y, b.full(-8, x)), b.full(8, x))
    tiny = b.binary("LESS", b.unary("ABS", y), b.full(1e-6, x), ir.DataType.BOOL)
    y = b.op("SELECT_V2", [tiny, b.full(1e-6, x), y], shape_of(y), dtype_of(y))
    half = b.binary("DIV", b.unary("GELU", y, approximate=False), y)
    return b.binary("SUB", b.binary("MUL", half, b.full(2, x)), b.full(1, x))


def lower_elu(call: Call, b: Builder) -> ir.Value:
    """X above zero, alpha · (exp(x) − 1) below."""
    x, alpha = call[0], call.real("alpha", 1.0)
    if alpha == 1.0:
        return b.unary("ELU", x)
    return _two_sides(b, x, 1.0, alpha)


def lower_selu(call: Call, b: Builder) -> ir.Value:
    """An ELU with two scales."""
    gamma = call.real("gamma", 1.0507009873554805)
    return _two_sides(b, call[0], gamma, gamma * call.real("alpha", 1.6732632423543772))


def lower_celu(call: Call, b: Builder) -> ir.Value:
    """X above zero, alpha · (exp(x / alpha) − 1) below."""
    x, alpha = call[0], call.real("alpha", 1.0)
    inner = b.unary("ELU", b.binary("MUL", x, b.full(1 / alpha, x)))
    return b.binary("MUL", inner, b.full(alpha, x)) if alpha > 0 else _refuse_alpha(alpha)


def _refuse_alpha(alpha: float) -> ir.Value:
    raise Refused(f"alpha = {alpha} is not positive")


def _two_sides(b: Builder, x: ir.Value, above: float, below: float) -> ir.Value:
    """Give above · max(x, 0) + below · elu(min(x, 0))."""
    positive = b.binary("MUL", b.unary("RELU", x), b.full(above, x))
    negative = b.binary("MUL", b.unary("ELU", b.binary("MINIMUM", x, b.full(0, x))), b.full(below, x))
    return b.binary("ADD", positive, negative)


def lower_hard_sigmoid(call: Call, b: Builder) -> ir.Value:
    """Clip alpha · x + beta to [0, 1]."""
    x, alpha, beta = call[0], call.real("alpha", 0.2), call.real("beta", 0.5)
    # 6 · (x / 6 + 1/2) is x + 3: RELU6 of it, which many kernels can fuse, and a scale.
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        shifted = b.unary("RELU6", b.binary("ADD", x, b.full(3, x)))
        return b.binary("MUL", shifted, b.full(1 / 6, x))
    line = b.binary("ADD", b.binary("MUL", x, b.full(alpha, x)), b.full(beta, x))
    return b.binary("MINIMUM", b.binary("MAXIMUM", line, b.full(0, x)), b.full(1, x))


def softplus(b: Builder, x: ir.Value) -> ir.Value:
    """Give log(1 + exp(x)) as max(x, 0) + log(1 + exp(−|x|)), which does not overflow."""
    decay = b.unary("EXP", b.unary("NEG", b.unary("ABS", x)))
    return b.binary("ADD", b.unary("RELU", x), b.unary("LOG", b.binary("ADD", decay, b.full(1, x))))


def lower_softplus(call: Call, b: Builder) -> ir.Value:
    """Give log(1 + exp(x))."""
    return softplus(b, call[0])


def lower_mish(call: Call, b: Builder) -> ir.Value:
    """Give x · tanh(softplus(x))."""
    return b.binary("MUL", call[0], b.unary("TANH", softplus(b, call[0])))


def lower_swish(call: Call, b: Builder) -> ir.Value:
    """Give x · sigmoid(alpha · x)."""
    x, alpha = call[0], call.real("alpha", 1.0)
    inner = x if alpha == 1.0 else b.binary("MUL", x, b.full(alpha, x))
    return b.binary("MUL", x, b.unary("LOGISTIC", inner))


def lower_softsign(call: Call, b: Builder) -> ir.Value:
    """Give x / (1 + |x|)."""
    x = call[0]
    return b.binary("DIV", x, b.binary("ADD", b.unary("ABS", x), b.full(1, x)))


def lower_thresholded_relu(call: Call, b: Builder) -> ir.Value:
    """Give x above alpha, 0 else."""
    x = call[0]
    above = b.binary("GREATER", x, b.full(call.real("alpha", 1.0), x), ir.DataType.BOOL)
    return b.op("SELECT_V2", [above, x, b.full(0, x)], shape_of(x), dtype_of(x))


def lower_shrink(call: Call, b: Builder) -> ir.Value:
    """Move x towards zero by `bias` outside ±lambd, give 0 inside."""
    x, edge, bias = call[0], call.real("lambd", 0.5), call.real("bias", 0.0)
    result = b.value(b.full(0, x))
    for operator, limit, shift in (("GREATER", edge, -bias), ("LESS", -edge, bias)):
        outside = b.binary(operator, x, b.full(limit, x), ir.DataType.BOOL)
        moved = b.binary("ADD", x, b.full(shift, x))
        result = b.op("SELECT_V2", [outside, moved, result], shape_of(x), dtype_of(x))
    return result


def lower_reciprocal(call: Call, b: Builder) -> ir.Value:
    """Give 1 / x."""
    return b.binary("DIV", b.full(1, call[0]), call[0])


LOWERINGS: dict[str, Lowering] = {
    "Celu": lower_celu,
    "Elu": lower_elu,
    "Erf": lower_erf,
    "Gelu": lower_gelu,
    "HardSigmoid": lower_hard_sigmoid,
    "Mish": lower_mish,
    "Reciprocal": lower_reciprocal,
    "Selu": lower_selu,
    "Shrink": lower_shrink,
    "Softplus": lower_softplus,
    "Softsign": lower_softsign,
    "Swish": lower_swish,
    "ThresholdedRelu": lower_thresholded_relu,
}
