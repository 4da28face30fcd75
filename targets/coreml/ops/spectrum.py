"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

import math

import numpy as np

from ....compiler.lowering.fourier import Transform, axis_of, frames_of, transform_of
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import is_float, like, moved, reshaped


def dft(call: Call, b: Builder) -> Var:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    rank, axis = call.rank(), axis_of(call)
    y = transformed(b, moved(b, call[0], axis, rank - 2), transform_of(call))
    return moved(b, y, rank - 2, axis)


def transformed(b: Builder, x: Var, transform: Transform) -> Var:
    """Transform x float[…, n, 1 or 2] along n; gives float[…, bins, 1 or 2]."""
    if not is_float(x):
        raise Refused("a transform of integers")
    *lead, size, parts = fixed(x.shape)
    matrix, results = transform.matrix(size, parts), transform.results
    rows = reshaped(b, x, (math.prod(lead), size * parts))
    y = b.op("linear", x=rows, weight=b.const(like(x, matrix)))
    return reshaped(b, y, (*lead, len(matrix) // results, results))


def stft(call: Call, b: Builder) -> Var:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    batch, _, parts = call.shape()
    frames = frames_of(call)
    pieces = b.op("gather", x=call[0], indices=frames.places.astype(np.int32).ravel(), axis=1)
    pieces = reshaped(b, pieces, (batch, frames.count, frames.width, parts))
    if call.has(2):
        pieces = b.op("mul", x=pieces, y=b.op("expand_dims", x=call[2], axes=[1]))
    return transformed(b, pieces, Transform(inverse=False, onesided=bool(call.integer("onesided", 1))))


LOWERINGS: dict[str, Lowering] = {"DFT": dft, "STFT": stft}
