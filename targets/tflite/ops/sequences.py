"""Range, ReverseSequence, Col2Im and Det."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_of, shape_of
from .lowering import Lowering

_MOST_ROWS = 4
"""The largest matrix whose determinant is written out: 4 × 4 takes 40 products."""


def lower_range(call: Call, b: Builder) -> ir.Value:
    """Give start + place · delta at run time, as many as the model declares."""
    shape = call.declared()
    if shape is None:
        raise Refused("its bounds are not constant, and the model does not declare how many numbers it gives")
    start, delta = call[0], call[2]
    places = np.arange(shape[0]).astype(dtype_of(start).numpy())
    return b.binary("ADD", b.reshape(start, ()), b.binary("MUL", places, b.reshape(delta, ())))


def lower_reverse_sequence(call: Call, b: Builder) -> ir.Value:
    """Reverse the first elements of every sequence of a batch."""
    x, lengths = call[0], b.cast(call[1], ir.DataType.INT32)
    axes = {"seq_dim": call.integer("time_axis", 0), "batch_dim": call.integer("batch_axis", 1)}
    return b.op("REVERSE_SEQUENCE", [x, lengths], shape_of(x), dtype_of(x), **axes)


def lower_col2im(call: Call, b: Builder) -> ir.Value:
    """Add up the windows of x [N, C · taps, windows] in the image that they were cut from; SCATTER_ND adds."""
    image = call.constant_ints(1, "image shape") or []
    block = call.constant_ints(2, "block shape") or []
    rank, x = len(image), call[0]
    stride, dilation = call.ints("strides") or [1] * rank, call.ints("dilations") or [1] * rank
    pads = call.ints("pads") or [0] * (2 * rank)
    taps, (batch, width, windows) = math.prod(block), shape_of(x)
    counts = [
        (size + pads[axis] + pads[rank + axis] - (block[axis] - 1) * dilation[axis] - 1) // stride[axis] + 1
        for axis, size in enumerate(image)
    ]
    if math.prod(counts) != windows or width % taps:
        raise Refused(f"{windows} windows of {taps} taps do not make an image of {image}")
    tap, window = np.indices(block).reshape(rank, -1, 1), np.indices(counts).reshape(rank, 1, -1)
    places = [window[a] * stride[a] - pads[a] + tap[a] * dilation[a] for a in range(rank)]
    valid = np.all([(place >= 0) & (place < size) for place, size in zip(places, image, strict=True)], axis=0)
    clipped = [np.clip(place, 0, size - 1) for place, size in zip(places, image, strict=True)]
    # What lies in the padding is added to one row more, which is cut off.
    rest = math.prod(image)
    flat = np.where(valid, np.ravel_multi_index(clipped, image), rest).reshape(-1, 1).astype(np.int32)
    channels = width // taps
    rows = b.transpose(b.reshape(x, (batch * channels, taps * windows)), (1, 0))
    shape = (rest + 1, batch * channels)
    added = b.op("SCATTER_ND", [flat, rows, np.array(shape, np.int32)], shape, dtype_of(x))
    kept = b.slice(added, [0, 0], [rest, batch * channels])
    return b.reshape(b.transpose(kept, (1, 0)), (batch, channels, *image))


def lower_det(call: Call, b: Builder) -> ir.Value:
    """Give the determinants of small matrices [..., n, n], developed along the first row."""
    *lead, rows, _ = shape_of(call[0])
    if rows > _MOST_ROWS:
        raise Refused(f"the determinant of {rows} rows")
    flat = b.reshape(call[0], (math.prod(lead), rows, rows))
    entries = {
        (row, column): b.slice(flat, [0, row, column], [math.prod(lead), row + 1, column + 1])
        for row in range(rows)
        for column in range(rows)
    }
    return b.reshape(_determinant(b, entries, 0, list(range(rows))), lead)


def _determinant(b: Builder, entries: dict[tuple[int, int], ir.Value], row: int, columns: list[int]) -> ir.Value:
    if len(columns) == 1:
        return entries[row, columns[0]]
    total = None
    for place, column in enumerate(columns):
        rest = [other for other in columns if other != column]
        part = b.binary("MUL", entries[row, column], _determinant(b, entries, row + 1, rest))
        total = part if total is None else b.binary("SUB" if place % 2 else "ADD", total, part)
    assert total is not None
    return total


LOWERINGS: dict[str, Lowering] = {
    "Col2Im": lower_col2im,
    "Det": lower_det,
    "Range": lower_range,
    "ReverseSequence": lower_reverse_sequence,
}
