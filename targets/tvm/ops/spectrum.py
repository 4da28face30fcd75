"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

import math
from typing import Any

from ....compiler.lowering.call import Call
from ....compiler.lowering.fourier import Transform, axis_of, frames_of, transform_of
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax
from .pieces import in_float32, is_float, moved, number, reshaped, sizes_of


def dft(call: Call[Expr], b: Builder) -> Expr:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    rank, axis, transform = call.rank(), axis_of(call), transform_of(call)

    def work(x: Expr) -> Expr:
        return moved(b, transformed(b, moved(b, x, axis, rank - 2), transform), rank - 2, axis)

    return in_float32(work, b, call[0])


def transformed(b: Builder, x: Expr, transform: Transform) -> Expr:
    """Transform x float[…, n, 1 or 2] along n; gives float[…, bins, 1 or 2]."""
    if not is_float(x):
        raise Refused("a transform of integers")
    *lead, size, parts = sizes_of(x)
    matrix, results = transform.matrix(size, parts), transform.results
    rows = b.op(relax().op.matmul, reshaped(b, x, (math.prod(lead), size * parts)), number(b, x, matrix.T))
    return reshaped(b, rows, (*lead, len(matrix) // results, results))


def stft(call: Call[Expr], b: Builder) -> Expr:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    frames = frames_of(call)
    batch, _, parts = call.shape()

    def element(at: tuple[Any, ...], data: Any, *window: Any) -> Any:
        value = data(at[0], at[1] * frames.step + at[2], at[3])
        for factors in window:
            value = value * factors(at[2])
        return value

    given = (call[index] for index in (0, 2) if call.has(index))
    pieces = b.each("frames", (batch, frames.count, frames.width, parts), element, *given)
    transform = Transform(inverse=False, onesided=bool(call.integer("onesided", 1)))
    return in_float32(lambda x: transformed(b, x, transform), b, pieces)


LOWERINGS: dict[str, Lowering] = {"DFT": dft, "STFT": stft}
