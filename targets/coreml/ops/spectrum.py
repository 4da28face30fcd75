"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

import math

import numpy as np

from ....compiler.lowering.fourier import from_half, whole
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import is_float, like, moved, reshaped


def dft(call: Call, b: Builder) -> Var:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    x, rank = call[0], call.rank()
    axis = _axis(call)
    inverse, onesided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    length = int(call.constant(1, "length").item()) if call.has(1) else None
    y = transformed(b, moved(b, x, axis, rank - 2), length, inverse, onesided)
    return moved(b, y, rank - 2, axis)


def _axis(call: Call) -> int:
    """Read which axis is transformed: the one before the last, unless it says so by an attribute, or an input."""
    if call.opset < 20:
        return call.axis(1)
    return int(call.constant(2, "axis").item()) % call.rank() if call.has(2) else call.rank() - 2


def transformed(b: Builder, x: Var, length: int | None, inverse: bool, onesided: bool) -> Var:
    """Transform x float[…, n, 1 or 2] along n, cut or filled with zeros to `length`; gives float[…, bins, 1 or 2]."""
    if not is_float(x):
        raise Refused("a transform of integers")
    *lead, size, parts = fixed(x.shape)
    if inverse and onesided:
        matrix = from_half(size, length or 2 * (size - 1), parts)
        shape = (*lead, len(matrix), 1)
    else:
        matrix = whole(size, length or size, parts, inverse, onesided)
        shape = (*lead, len(matrix) // 2, 2)
    rows = reshaped(b, x, (math.prod(lead), size * parts))
    return reshaped(b, b.op("linear", x=rows, weight=b.const(like(x, matrix))), shape)


def stft(call: Call, b: Builder) -> Var:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    x, step = call[0], int(call.constant(1, "frame step").item())
    batch, size, parts = call.shape()
    width = call.shape(2)[0] if call.has(2) else size
    if call.has(3):
        width = int(call.constant(3, "frame length").item())
    frames = 1 + (size - width) // step
    places = (np.arange(frames)[:, np.newaxis] * step + np.arange(width)).astype(np.int32)
    pieces = reshaped(b, b.op("gather", x=x, indices=places.ravel(), axis=1), (batch, frames, width, parts))
    if call.has(2):
        pieces = b.op("mul", x=pieces, y=b.op("expand_dims", x=call[2], axes=[1]))
    return transformed(b, pieces, width, False, bool(call.integer("onesided", 1)))


LOWERINGS: dict[str, Lowering] = {"DFT": dft, "STFT": stft}
