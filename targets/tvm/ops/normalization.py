"""Normalizations over axes, and by statistics that are given; deviations are taken from the mean, never of squares.

Relax's own compute the mean of squares less the square of the mean, which loses all digits far from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, te, tirx
from .pieces import by_channel, cast, in_float32, minus, number, plus, reshaped, sizes_of, times, widened


def batch_normalization(call: Call[Expr], b: Builder) -> list[Expr | None]:
    """BatchNormalization: a factor and an addend for each channel, computed here where they are constant."""
    if call.integer("training_mode", 0):
        return _by_statistics_of_the_batch(call, b)
    x, epsilon, rank = widened(b, call[0]), call.real("epsilon", 1e-5), call.rank()
    if all(call.is_constant(index) for index in range(1, 5)):
        scale, bias, mean, variance = (call.constant(index, "parameter").astype(np.float64) for index in range(1, 5))
        known = scale / np.sqrt(variance + epsilon)
        factor, addend = number(b, x, known), number(b, x, bias - mean * known)
        y = plus(b, times(b, x, by_channel(b, factor, rank)), by_channel(b, addend, rank))
    else:
        scale_, bias_, mean_, variance_ = (cast(b, call[index], dtype_of(x)) for index in range(1, 5))
        factor = times(b, scale_, _inverse_root(b, variance_, epsilon))
        y = _scaled(b, minus(b, x, by_channel(b, mean_, rank)), factor, bias_)
    return [cast(b, y, dtype_of(call[0])), None, None]


def _by_statistics_of_the_batch(call: Call[Expr], b: Builder) -> list[Expr | None]:
    x, momentum = widened(b, call[0]), call.real("momentum", 0.9)
    axes = [axis for axis in range(call.rank()) if axis != 1]
    y, mean, variance = _normalized(b, x, axes, call.real("epsilon", 1e-5))
    running: list[Expr | None] = []
    for index, new in ((3, mean), (4, variance)):
        old = cast(b, call[index], dtype_of(x))
        taken = reshaped(b, new, sizes_of(old))
        mixed = plus(b, times(b, old, number(b, x, momentum)), times(b, taken, number(b, x, 1 - momentum)))
        running.append(cast(b, mixed, dtype_of(call[index])))
    y = _scaled(b, y, *(cast(b, call[index], dtype_of(x)) for index in (1, 2)))
    return [cast(b, y, dtype_of(call[0])), *running]


def instance_normalization(call: Call[Expr], b: Builder) -> Expr:
    """InstanceNormalization: over the spatial axes of every channel of its own."""
    x = widened(b, call[0])
    y, _, _ = _normalized(b, x, [*range(2, call.rank())], call.real("epsilon", 1e-5))
    return cast(b, _scaled(b, y, *(cast(b, call[index], dtype_of(x)) for index in (1, 2))), dtype_of(call[0]))


def group_normalization(call: Call[Expr], b: Builder) -> Expr:
    """GroupNormalization: over the channels of each group, then scaled and shifted by channel."""
    if call.opset < 21:
        raise Refused("before opset 21 its scale counts groups; convert the model to opset 21")
    x, groups, shape = widened(b, call[0]), call.integer("num_groups", 1), call.shape()
    if shape[1] % groups:
        raise Refused(f"{shape[1]} channels in {groups} groups")
    apart = reshaped(b, x, (shape[0], groups, int(np.prod(shape[1:])) // groups))
    y, _, _ = _normalized(b, apart, [2], call.real("epsilon", 1e-5))
    y = _scaled(b, reshaped(b, y, shape), *(cast(b, call[index], dtype_of(x)) for index in (1, 2)))
    return cast(b, y, dtype_of(call[0]))


def layer_normalization(call: Call[Expr], b: Builder) -> list[Expr | None]:
    """LayerNormalization over the last axes, its mean, and what it divides by."""
    x, axes, epsilon = widened(b, call[0]), [*range(call.axis(-1), call.rank())], call.real("epsilon", 1e-5)
    if (call.wants(1) or call.wants(2)) and call.integer("stash_type", 1) != 1:
        raise Refused("its mean and deviation are asked for in another dtype than float32")
    y, mean, variance = _normalized(b, x, axes, epsilon)
    y = times(b, cast(b, y, dtype_of(call[0])), call[1])
    y = plus(b, y, call[2]) if call.has(2) else y
    deviation = cast(b, _inverse_root(b, variance, epsilon), "float32") if call.wants(2) else None
    return [y, cast(b, mean, "float32") if call.wants(1) else None, deviation]


def rms_normalization(call: Call[Expr], b: Builder) -> Expr:
    """RMSNormalization over the last axes."""
    x, axes = widened(b, call[0]), [*range(call.axis(-1), call.rank())]
    square = b.op(relax().op.mean, times(b, x, x), axis=axes, keepdims=True)
    y = times(b, x, _inverse_root(b, square, call.real("epsilon", 1e-5)))
    return times(b, cast(b, y, dtype_of(call[0])), cast(b, call[1], dtype_of(call[0])))


def lp_normalization(call: Call[Expr], b: Builder) -> Expr:
    """LpNormalization; where the norm is 0 so are all elements, and the result."""
    axis, power = call.axis(-1), call.integer("p", 2)

    def work(x: Expr) -> Expr:
        parts = b.op(relax().op.abs, x) if power == 1 else times(b, x, x)
        norm = b.op(relax().op.sum, parts, axis=axis, keepdims=True)
        norm = norm if power == 1 else b.op(relax().op.sqrt, norm)
        is_zero = b.op(relax().op.equal, norm, number(b, norm, 0))
        return b.op(relax().op.divide, x, b.op(relax().op.where, is_zero, number(b, norm, 1), norm))

    return in_float32(work, b, call[0])


def mean_variance_normalization(call: Call[Expr], b: Builder) -> Expr:
    """MeanVarianceNormalization: (x − mean) / (deviation + 1e-9)."""
    axes = [axis % call.rank() for axis in call.ints("axes") or (0, 2, 3)]

    def work(x: Expr) -> Expr:
        centred, _, variance = _centred(b, x, axes)
        return b.op(relax().op.divide, centred, plus(b, b.op(relax().op.sqrt, variance), number(b, x, 1e-9)))

    return in_float32(work, b, call[0])


def local_response_normalization(call: Call[Expr], b: Builder) -> Expr:
    """LRN: the squares of `size` neighbouring channels; an even number reaches one further behind."""
    size, channels = call.integer("size", 1), call.shape()[1]
    alpha, beta, bias = call.real("alpha", 1e-4), call.real("beta", 0.75), call.real("bias", 1.0)
    before = (size - 1) // 2

    def work(x: Expr) -> Expr:
        tap = te().reduce_axis((0, size), name="neighbour")

        def element(at: tuple[Any, ...], data: Any) -> Any:
            channel = at[1] + tap - before
            value = data(at[0], channel, *at[2:])
            inside = tirx().all(channel >= 0, channel < channels)
            return te().sum(tirx().if_then_else(inside, value * value, tirx().const(0, data.dtype)), axis=tap)

        total = b.each("squares", sizes_of(x), element, x)
        divisor = plus(b, times(b, total, number(b, x, alpha / size)), number(b, x, bias))
        return b.op(relax().op.divide, x, b.op(relax().op.power, divisor, number(b, x, beta)))

    return in_float32(work, b, call[0])


def _centred(b: Builder, x: Expr, axes: Sequence[int]) -> tuple[Expr, Expr, Expr]:
    """Give x − mean, the mean and the variance over some axes, which stay with size 1."""
    mean = b.op(relax().op.mean, x, axis=[*axes], keepdims=True)
    centred = minus(b, x, mean)
    return centred, mean, b.op(relax().op.mean, times(b, centred, centred), axis=[*axes], keepdims=True)


def _normalized(b: Builder, x: Expr, axes: Sequence[int], epsilon: float) -> tuple[Expr, Expr, Expr]:
    """Give (x − mean) / √(variance + epsilon), the mean and the variance."""
    centred, mean, variance = _centred(b, x, axes)
    return times(b, centred, _inverse_root(b, variance, epsilon)), mean, variance


def _inverse_root(b: Builder, x: Expr, epsilon: float) -> Expr:
    """Give 1 / √(x + epsilon)."""
    return b.op(relax().op.divide, number(b, x, 1), b.op(relax().op.sqrt, plus(b, x, number(b, x, epsilon))))


def _scaled(b: Builder, y: Expr, scale: Expr, bias: Expr) -> Expr:
    """Scale and shift y [N, C, spatial…] by channel."""
    rank = len(sizes_of(y))
    return plus(b, times(b, y, by_channel(b, scale, rank)), by_channel(b, bias, rank))


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
