"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

import math

import numpy as np

from ...refused import Refused
from ..builder import Array, Builder, Var
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import is_float, like, moved, reshaped

_MATRIX_LIMIT = 1 << 24
"""Elements of a matrix, 64 MB."""


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
        matrix = _of_half(size, length or 2 * (size - 1), parts)
        shape = (*lead, len(matrix), 1)
    else:
        matrix = _matrix(size, length or size, parts, inverse, onesided)
        shape = (*lead, len(matrix) // 2, 2)
    rows = reshaped(b, x, (math.prod(lead), size * parts))
    return reshaped(b, b.op("linear", x=rows, weight=b.const(like(x, matrix))), shape)


def _of_half(bins: int, length: int, parts: int) -> Array:
    """Give float64[length, bins · parts]: from the first half of a spectrum the real signal that has it.

    Every bin stands for its mirror image too, but for the first, and the last of an even length.
    """
    used = min(bins, length // 2 + 1)
    times = np.where((np.arange(used) == 0) | (2 * np.arange(used) == length), 1, 2)
    angle = 2 * np.pi * (np.outer(np.arange(length), np.arange(used)) % length) / length
    matrix = np.zeros((length, bins, parts))
    matrix[:, :used] = np.stack([np.cos(angle), -np.sin(angle)], 2)[..., :parts] * times[:, np.newaxis] / length
    return matrix.reshape(length, bins * parts)


def _matrix(size: int, length: int, parts: int, inverse: bool, onesided: bool) -> Array:
    """Give float64[bins · 2, size · parts]: the real and imaginary share of every input in every output."""
    bins = length // 2 + 1 if onesided else length
    if bins * 2 * size * parts > _MATRIX_LIMIT:
        raise Refused(f"a transform of {length} elements as a matrix")
    # Counted modulo the length before the angle is taken, so that no digits are lost in large products.
    turns = np.outer(np.arange(bins), np.arange(size)) % length
    angle = (2 if inverse else -2) * np.pi * turns / length
    real, imaginary = np.cos(angle), np.sin(angle)
    real[:, length:], imaginary[:, length:] = 0, 0
    full = np.stack([np.stack([real, -imaginary], 2), np.stack([imaginary, real], 2)], 1)[..., :parts]
    return np.asarray(full.reshape(bins * 2, size * parts) / (length if inverse else 1))


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
