"""Normalisations, said by reductions and elementwise operators."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import is_constant, shape_of
from .lowering import Lowering


def lower_batch_normalization(call: Call, b: Builder) -> list[ir.Value | None]:
    """With the statistics of training: one scale and one shift a channel."""
    if call.integer("training_mode", 0):
        return _in_training(call, b)
    x, epsilon = call[0], call.real("epsilon", 1e-5)
    channels = (-1, *[1] * (call.rank() - 2))
    if not all(is_constant(value) for value in call.inputs[1:]):
        inverse = b.unary("RSQRT", b.binary("ADD", call[4], b.full(epsilon, call[4])))
        factor = b.binary("MUL", call[1], inverse)
        shift = b.binary("SUB", call[2], b.binary("MUL", call[3], factor))
        return [_by_channel(b, x, factor, shift), *[None] * 4]
    # In float64, rounded once: the two numbers stand for four operations.
    scales, biases, means, variances = (call.constant(index, "parameter") for index in range(1, 5))
    factors = scales.astype(np.float64) / np.sqrt(variances.astype(np.float64) + epsilon)
    shifts = biases - means * factors
    scaled = b.binary("MUL", x, factors.astype(np.float32).reshape(channels))
    return [b.binary("ADD", scaled, shifts.astype(np.float32).reshape(channels)), *[None] * 4]


def _in_training(call: Call, b: Builder) -> list[ir.Value | None]:
    """Standardize by the statistics of the batch, and give running ones that take them in."""
    x, momentum = call[0], call.real("momentum", 0.9)
    axes = [axis for axis in range(call.rank()) if axis != 1]
    mean = b.reduce("MEAN", x, axes)
    centred = b.binary("SUB", x, mean)
    variance = b.reduce("MEAN", b.binary("MUL", centred, centred), axes)
    inverse = b.unary("RSQRT", b.binary("ADD", variance, b.full(call.real("epsilon", 1e-5), x)))
    running = [
        b.binary(
            "ADD",
            b.binary("MUL", old, b.full(momentum, old)),
            b.binary("MUL", b.reshape(new, shape_of(old)), b.full(1 - momentum, old)),
        )
        for old, new in ((call[3], mean), (call[4], variance))
    ]
    return [_by_channel(b, b.binary("MUL", centred, inverse), call[1], call[2]), *running]


def standardize(b: Builder, x: ir.Value, axes: list[int], epsilon: float) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Give (x − mean) / √(variance + epsilon) over axes, with the mean and the divisor's inverse."""
    mean = b.reduce("MEAN", x, axes)
    centred = b.binary("SUB", x, mean)
    variance = b.reduce("MEAN", b.binary("MUL", centred, centred), axes)
    inverse = b.unary("RSQRT", b.binary("ADD", variance, b.full(epsilon, x)))
    return b.binary("MUL", centred, inverse), mean, inverse


def lower_layer_normalization(call: Call, b: Builder) -> list[ir.Value | None]:
    """Standardize over the last axes, then scale and shift."""
    x, axis = call[0], call.axis(-1)
    if call.integer("stash_type", 1) != 1:
        raise Refused("stash_type must be float32")
    y, mean, inverse = standardize(b, x, list(range(axis, call.rank())), call.real("epsilon", 1e-5))
    y = b.binary("MUL", y, call[1])
    if call.has(2):
        y = b.binary("ADD", y, call[2])
    return [y, mean, inverse]


def lower_rms_normalization(call: Call, b: Builder) -> ir.Value:
    """Divide by the root of the mean square over the last axes, then scale."""
    x, axis = call[0], call.axis(-1)
    square = b.reduce("MEAN", b.binary("MUL", x, x), list(range(axis, call.rank())))
    inverse = b.unary("RSQRT", b.binary("ADD", square, b.full(call.real("epsilon", 1e-5), x)))
    return b.binary("MUL", b.binary("MUL", x, inverse), call[1])


def lower_instance_normalization(call: Call, b: Builder) -> ir.Value:
    """Standardize each channel of each sample, then scale and shift by channel."""
    x = call[0]
    y, _, _ = standardize(b, x, list(range(2, call.rank())), call.real("epsilon", 1e-5))
    return _by_channel(b, y, call[1], call[2])


def lower_group_normalization(call: Call, b: Builder) -> ir.Value:
    """Standardize groups of channels of each sample, then scale and shift by channel."""
    x, groups = call[0], call.integer("num_groups", 1)
    batch, channels, *spatial = shape_of(x)
    if call.opset < 21:
        raise Refused("before opset 21 its scale counts groups; convert the model to opset 21")
    grouped = b.reshape(x, (batch, groups, channels // groups, *spatial))
    y, _, _ = standardize(b, grouped, list(range(2, len(spatial) + 3)), call.real("epsilon", 1e-5))
    return _by_channel(b, b.reshape(y, shape_of(x)), call[1], call[2])


def _by_channel(b: Builder, x: ir.Value, scale: ir.Value, bias: ir.Value) -> ir.Value:
    channels = (shape_of(x)[1], *[1] * (len(shape_of(x)) - 2))
    scaled = b.binary("MUL", x, b.reshape(scale, channels))
    return b.binary("ADD", scaled, b.reshape(bias, channels))


def lower_mean_variance_normalization(call: Call, b: Builder) -> ir.Value:
    """Give (x − mean) / (deviation + 1e-9), as ONNX defines it."""
    x, axes = call[0], call.ints("axes") or [0, 2, 3]
    centred = b.binary("SUB", x, b.reduce("MEAN", x, axes))
    variance = b.reduce("MEAN", b.binary("MUL", centred, centred), axes)
    return b.binary("DIV", centred, b.binary("ADD", b.unary("SQRT", variance), b.full(1e-9, x)))


def lower_lrn(call: Call, b: Builder) -> ir.Value:
    """Divide by a power of the local sum of squares across channels."""
    size = call.integer("size", 1)
    if size % 2 == 0:
        raise Refused(f"a window of {size} channels has no middle")
    x = b.channels_last(call[0])
    y = b.unary(
        "LOCAL_RESPONSE_NORMALIZATION",
        x,
        radius=size // 2,
        alpha=call.real("alpha", 1e-4) / size,
        beta=call.real("beta", 0.75),
        bias=call.real("bias", 1.0),
    )
    return b.channels_first(y)


LOWERINGS: dict[str, Lowering] = {
    "BatchNormalization": lower_batch_normalization,
    "GroupNormalization": lower_group_normalization,
    "InstanceNormalization": lower_instance_normalization,
    "LRN": lower_lrn,
    "LayerNormalization": lower_layer_normalization,
    "MeanVarianceNormalization": lower_mean_variance_normalization,
    "RMSNormalization": lower_rms_normalization,
}
