"""Adding elements at the ends of axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..builder import Builder, Operand
from ..call import Call
from ..graph import DType, Tensor, Text
from .lowering import Lowering

_EXACT = 2**24
"""Up to here float32, through which the kernel of PadV2 takes its number, has every integer."""
_ON_ALL = 4
"""The highest rank of which the shaders of WebGL and WebGPU pad: the one fails beyond, the other computes nothing."""

Amounts = Sequence[tuple[int, int]]
"""How many elements are added before and after along each axis."""


def pad(call: Call, b: Builder) -> Tensor:
    """Add elements of one number along every axis, zero when none is given."""
    x, amounts = call[0], _amounts(call)
    if not call.has(2):
        return padded(b, x, amounts)
    if call.is_constant(2) and (x.dtype is DType.FLOAT or abs(int(call.constant(2, "number").item())) <= _EXACT):
        return padded(b, x, amounts, call.reshaped(2, ()))
    inside = np.pad(np.ones(x.shape, np.bool_), amounts)
    return b.select(b.hold(inside), padded(b, x, amounts), call.reshaped(2, ()))


def mirror_pad(call: Call, b: Builder) -> Tensor:
    """Reflect at the edges."""
    x, amounts = call[0], np.asarray(call.constant(1, "list of pads"), np.int32)
    mode = Text(call.text("mode", "REFLECT"))
    return b.op("MirrorPad", [x, amounts], call.result_shape(), x.dtype, T=x.dtype, Tpaddings=DType.INT, mode=mode)


def padded(b: Builder, x: Tensor, amounts: Amounts, number: Operand | None = None) -> Tensor:
    """Pad along each axis, by zeros where no number is given."""
    if not any(any(pair) for pair in amounts):
        return x
    wanted = _after(x.shape, amounts)
    if x.rank > _ON_ALL and x.rank > len((few := _in_fewer_axes(x.shape, amounts))[0]):
        x, amounts = b.reshape(x, few[0]), few[1]
    op, more = ("Pad", []) if number is None else ("PadV2", [number])
    operands = [x, np.array(amounts, np.int32), *more]
    wide = b.op(op, operands, _after(x.shape, amounts), x.dtype, T=x.dtype, Tpaddings=DType.INT)
    return b.reshape(wide, wanted)


def _amounts(call: Call) -> Amounts:
    return [(int(before), int(after)) for before, after in call.constant(1, "list of pads")]


def _after(shape: Sequence[int], amounts: Amounts) -> tuple[int, ...]:
    return tuple(before + size + after for size, (before, after) in zip(shape, amounts, strict=True))


def _in_fewer_axes(shape: Sequence[int], amounts: Amounts) -> tuple[list[int], list[tuple[int, int]]]:
    """Give the same padding of fewer axes: one that is not padded becomes part of the axis before it."""
    sizes, pairs = [1], [(0, 0)]
    for size, pair in zip(shape, amounts, strict=True):
        if any(pair) and (sizes[-1] != 1 or any(pairs[-1])):
            sizes.append(size)
            pairs.append(pair)
        else:  # of the two pairs one is none
            pairs[-1] = (pairs[-1][0] * size + pair[0], pairs[-1][1] * size + pair[1])
            sizes[-1] *= size
    return sizes, pairs


LOWERINGS: dict[str, Lowering] = {"MIRROR_PAD": mirror_pad, "PAD": pad, "PADV2": pad}
