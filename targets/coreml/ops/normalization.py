"""Normalizations over axes, and by statistics that are given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Array, Builder, Var, type_name
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import padded, part, reshaped


def batch_normalization(call: Call, b: Builder) -> list[Var | None]:
    """BatchNormalization by given statistics: MIL's own where these are constants."""
    x, epsilon = call[0], call.real("epsilon", 1e-5)
    if call.integer("training_mode", 0):
        return _by_statistics_of_the_batch(call, b)
    if 3 <= call.rank() <= 5 and all(call.is_constant(index) for index in range(1, 5)):
        gamma, beta, mean, variance = (_parameter(call, index, x) for index in range(1, 5))
        y = b.op("batch_norm", x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=epsilon)
        return [y, None, None]
    gamma, beta, mean, variance = (b.cast(call[index], type_name(x)) for index in range(1, 5))
    factor = b.op("mul", gamma, b.op("rsqrt", variance, epsilon=epsilon))
    centred = b.op("sub", x, by_channel(b, mean, x))
    return [_scaled(b, centred, factor, beta), None, None]


def _by_statistics_of_the_batch(call: Call, b: Builder) -> list[Var | None]:
    x, momentum = call[0], call.real("momentum", 0.9)
    axes = [axis for axis in range(call.rank()) if axis != 1]
    wide = b.cast(x, "fp32")
    mean = b.op("reduce_mean", wide, axes=axes, keep_dims=True)
    centred = b.op("sub", wide, mean)
    variance = b.op("reduce_mean", b.op("square", centred), axes=axes, keep_dims=True)
    y = b.op("mul", centred, b.op("rsqrt", variance, epsilon=call.real("epsilon", 1e-5)))
    running: list[Var | None] = []
    for index, new in ((3, mean), (4, variance)):
        old = call[index]
        kept = b.op("mul", b.cast(old, "fp32"), momentum)
        taken = b.op("mul", b.op("squeeze", new, axes=axes), 1 - momentum)
        running.append(b.cast(b.op("add", kept, taken), type_name(old)))
    gamma, beta = (b.cast(call[index], type_name(x)) for index in (1, 2))
    return [_scaled(b, b.cast(y, type_name(x)), gamma, beta), *running]


def instance_normalization(call: Call, b: Builder) -> Var:
    """InstanceNormalization: MIL's own where it takes the rank and the parameters are constants."""
    x, epsilon = call[0], call.real("epsilon", 1e-5)
    if 3 <= call.rank() <= 4 and call.is_constant(1) and call.is_constant(2):
        return b.op("instance_norm", x, _parameter(call, 1, x), _parameter(call, 2, x), epsilon=epsilon)
    y = b.op("layer_norm", x, axes=[*range(2, call.rank())], epsilon=epsilon)
    return _scaled(b, y, call[1], call[2])


def group_normalization(call: Call, b: Builder) -> Var:
    """GroupNormalization: over the channels of each group, then scaled and shifted by channel."""
    if call.opset < 21:
        raise Refused("before opset 21 its scale counts groups; convert the model to opset 21")
    x, groups = call[0], call.integer("num_groups", 1)
    batch, *rest = call.sizes()
    channels, *spatial = fixed(rest)
    lead = batch if isinstance(batch, int) else -1
    grouped = b.op("reshape", x, shape=[lead, groups, channels // groups * int(np.prod(spatial))])
    y = b.op("layer_norm", grouped, axes=[2], epsilon=call.real("epsilon", 1e-5))
    return _scaled(
        b, reshaped(b, y, (lead, channels, *spatial)), *(b.cast(call[index], type_name(x)) for index in (1, 2))
    )


def layer_normalization(call: Call, b: Builder) -> list[Var | None]:
    """LayerNormalization over the last axes, and what it divided by, both in float32 as they are defined."""
    x, epsilon = call[0], call.real("epsilon", 1e-5)
    axes = [*range(call.axis(-1), call.rank())]
    statistics: list[Var | None] = [None, None]
    if call.wants(1) or call.wants(2):
        if call.integer("stash_type", 1) != 1:
            raise Refused("its mean and deviation are asked for in another dtype than float32")
        wide = b.cast(x, "fp32")
        mean = b.op("reduce_mean", wide, axes=axes, keep_dims=True)
        variance = b.op("reduce_mean", b.op("square", b.op("sub", wide, mean)), axes=axes, keep_dims=True)
        statistics = [mean, b.op("rsqrt", variance, epsilon=epsilon)]
    inner = _inside(call, axes)
    if inner is not None:
        return [b.op("layer_norm", x, axes=axes, gamma=inner[0], beta=inner[1], epsilon=epsilon), *statistics]
    y = b.op("mul", b.op("layer_norm", x, axes=axes, epsilon=epsilon), b.cast(call[1], type_name(x)))
    return [b.op("add", y, b.cast(call[2], type_name(x))) if call.has(2) else y, *statistics]


def _inside(call: Call, axes: Sequence[int]) -> tuple[Array, Array] | None:
    """Give constant scale and bias as MIL's layer_norm takes them, of the shape that is normalized; else None."""
    sizes = tuple(call.sizes()[axis] for axis in axes)
    given = [index for index in (1, 2) if call.has(index)]
    if not all(call.is_constant(index) for index in given) or not all(isinstance(size, int) for size in sizes):
        return None
    scale = _parameter(call, 1, call[0])
    bias = _parameter(call, 2, call[0]) if call.has(2) else np.zeros((), scale.dtype)
    if max(scale.ndim, bias.ndim) > len(sizes):
        return None
    return np.broadcast_to(scale, sizes).copy(), np.broadcast_to(bias, sizes).copy()


def rms_normalization(call: Call, b: Builder) -> Var:
    """RMSNormalization over the last axes; the mean of squares in float32, as it is defined."""
    x = call[0]
    wide = b.cast(x, "fp32")
    axes = [*range(call.axis(-1), call.rank())]
    square = b.op("reduce_mean", b.op("square", wide), axes=axes, keep_dims=True)
    y = b.op("mul", wide, b.op("rsqrt", square, epsilon=call.real("epsilon", 1e-5)))
    return b.op("mul", b.cast(y, type_name(x)), b.cast(call[1], type_name(x)))


def lp_normalization(call: Call, b: Builder) -> Var:
    """LpNormalization; where the norm is 0 so are all elements, and the result."""
    x = call[0]
    norm = b.op(f"reduce_l{call.integer('p', 2)}_norm", x, axes=[call.axis(-1)], keep_dims=True)
    return b.op("real_div", x, b.op("select", b.op("greater", norm, 0.0), norm, _one(b, norm)))


def _one(b: Builder, x: Var) -> Var:
    return b.cast(b.op("equal", x, x), type_name(x))


def mean_variance_normalization(call: Call, b: Builder) -> Var:
    """MeanVarianceNormalization: (x − mean) / (deviation + 1e-9), a number that float16 does not have."""
    x, axes = call[0], [axis % call.rank() for axis in call.ints("axes") or (0, 2, 3)]
    wide = b.cast(x, "fp32")
    centred = b.op("sub", wide, b.op("reduce_mean", wide, axes=axes, keep_dims=True))
    variance = b.op("reduce_mean", b.op("square", centred), axes=axes, keep_dims=True)
    return b.cast(b.op("real_div", centred, b.op("add", b.op("sqrt", variance), 1e-9)), type_name(x))


def local_response_normalization(call: Call, b: Builder) -> Var:
    """LRN: MIL's own for an odd window, whose middle is the channel itself; an even one reaches further behind."""
    x, size = call[0], call.integer("size", 1)
    alpha, beta, bias = call.real("alpha", 1e-4), call.real("beta", 0.75), call.real("bias", 1.0)
    if size % 2 and 3 <= call.rank() <= 4:
        return b.op("local_response_norm", x, size=size, alpha=alpha, beta=beta, k=bias)
    before = (size - 1) // 2
    (channels,) = fixed(call.sizes()[1:2])
    squares = padded(b, b.op("square", x), [(before, size - 1 - before), *[(0, 0)] * (call.rank() - 2)])
    shifted = (part(b, squares, 1, start, start + channels) for start in range(size))
    total = reduce(lambda one, other: b.op("add", one, other), shifted)
    return b.op("real_div", x, b.op("pow", b.op("add", b.op("mul", total, alpha / size), bias), beta))


def _parameter(call: Call, index: int, x: Var) -> Array:
    """Give a constant parameter in the dtype of `x`, which MIL before iOS 17 wants."""
    return call.constant(index, "parameter").astype(np.float16 if type_name(x) == "fp16" else np.float32)


def _scaled(b: Builder, y: Var, scale: Var, bias: Var) -> Var:
    """Scale and shift y [N, C, spatial…] by channel."""
    return b.op("add", b.op("mul", y, by_channel(b, scale, y)), by_channel(b, bias, y))


def by_channel(b: Builder, parameter: Var, x: Var) -> Var:
    """Give a parameter [C] so that it broadcasts along axis 1 of `x`."""
    return reshaped(b, parameter, (-1, *[1] * (len(x.shape) - 2))) if len(x.shape) > 2 else parameter


LOWERINGS: dict[str, Lowering] = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LRN": local_response_normalization,
    "LayerNormalization": layer_normalization,
    "LpNormalization": lp_normalization,
    "RMSNormalization": rms_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
}
