"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.fourier import Transform, transform_of
from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_name, dtype_of, shape_of
from .chosen import by_axis
from .linear import fully_connected
from .lowering import Lowering


def lower_dft(call: Call, b: Builder) -> ir.Value:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    x, rank, transform = call[0], call.rank(), transform_of(call)

    def work(axis: int) -> ir.Value:
        order = [*(place for place in range(rank - 1) if place != axis), axis, rank - 1]
        back = sorted(range(rank), key=order.__getitem__)
        return b.transpose(transformed(b, b.transpose(x, order), transform), back)

    if call.opset < 20:
        return work(call.axis(1))
    return by_axis(call, b, 2, rank, work) if call.has(2) else work(rank - 2)


def transformed(b: Builder, x: ir.Value, transform: Transform) -> ir.Value:
    """Transform x float[…, n, 1 or 2] along n; gives float[…, bins, 1 or 2]."""
    if dtype_of(x) != ir.DataType.FLOAT:
        raise Refused(f"a transform of {dtype_name(dtype_of(x))}")
    *lead, size, parts = shape_of(x)
    matrix, results = transform.matrix(size, parts), transform.results
    flat = b.reshape(x, (*lead, size * parts))
    y = fully_connected(b, flat, b.value(matrix.astype(np.float32)), None)
    return b.reshape(y, (*lead, len(matrix) // results, results))


def lower_stft(call: Call, b: Builder) -> ir.Value:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    x, shape = call[0], call.declared()
    size = shape_of(x)[1]
    if call.has(2):
        width = shape_of(call[2])[0]
    else:
        width = int(call.constant(3, "frame length").item()) if call.has(3) else size
    step = b.cast(b.reshape(call[1], ()), ir.DataType.INT32)
    frames = shape[1] if shape is not None else 1 + (size - width) // int(call.constant(1, "frame step").item())
    starts = b.binary("MUL", np.arange(frames, dtype=np.int32)[:, np.newaxis], step)
    places = b.binary("ADD", starts, np.arange(width, dtype=np.int32))
    pieces = b.gather(x, places, 1)
    if call.has(2):
        pieces = b.binary("MUL", pieces, b.reshape(call[2], (width, 1)))
    return transformed(b, pieces, Transform(inverse=False, onesided=bool(call.integer("onesided", 1))))


LOWERINGS: dict[str, Lowering] = {"DFT": lower_dft, "STFT": lower_stft}
