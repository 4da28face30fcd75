"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

import math
from typing import Any

from ....compiler.lowering.call import Call
from ....compiler.lowering.fourier import from_half, whole
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax
from .pieces import in_float32, is_float, moved, number, reshaped, sizes_of


def dft(call: Call[Expr], b: Builder) -> Expr:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    rank, axis = call.rank(), _axis(call)
    inverse, onesided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    length = int(call.constant(1, "length").item()) if call.has(1) else None

    def work(x: Expr) -> Expr:
        y = transformed(b, moved(b, x, axis, rank - 2), length, inverse, onesided)
        return moved(b, y, rank - 2, axis)

    return in_float32(work, b, call[0])


def _axis(call: Call[Expr]) -> int:
    """Read which axis is transformed: the one before the last, unless it says so by an attribute, or an input."""
    if call.opset < 20:
        return call.axis(1)
    return int(call.constant(2, "axis").item()) % call.rank() if call.has(2) else call.rank() - 2


def transformed(b: Builder, x: Expr, length: int | None, inverse: bool, onesided: bool) -> Expr:
    """Transform x float[…, n, 1 or 2] along n, cut or filled with zeros to `length`; gives float[…, bins, 1 or 2]."""
    if not is_float(x):
        raise Refused("a transform of integers")
    *lead, size, parts = sizes_of(x)
    if inverse and onesided:
        matrix = from_half(size, length or 2 * (size - 1), parts)
        shape = (*lead, len(matrix), 1)
    else:
        matrix = whole(size, length or size, parts, inverse, onesided)
        shape = (*lead, len(matrix) // 2, 2)
    rows = reshaped(b, x, (math.prod(lead), size * parts))
    return reshaped(b, b.op(relax().op.matmul, rows, number(b, x, matrix.T)), shape)


def stft(call: Call[Expr], b: Builder) -> Expr:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    step = int(call.constant(1, "frame step").item())
    batch, size, parts = call.shape()
    width = call.shape(2)[0] if call.has(2) else size
    if call.has(3):
        width = int(call.constant(3, "frame length").item())
    frames = 1 + (size - width) // step

    def element(at: tuple[Any, ...], data: Any, *window: Any) -> Any:
        value = data(at[0], at[1] * step + at[2], at[3])
        for factors in window:
            value = value * factors(at[2])
        return value

    given = (call[index] for index in (0, 2) if call.has(index))
    pieces = b.each("frames", (batch, frames, width, parts), element, *given)
    onesided = bool(call.integer("onesided", 1))
    return in_float32(lambda x: transformed(b, x, width, False, onesided), b, pieces)


LOWERINGS: dict[str, Lowering] = {"DFT": dft, "STFT": stft}
