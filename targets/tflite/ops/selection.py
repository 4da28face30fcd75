"""Operators whose result is as long as the data have it: NonMaxSuppression, NonZero, Compress.

The interpreter allots such tensors when it runs. They are said only where the model declares the shape of the result,
since the nodes behind are laid out for it; with other data the runtime gives as many rows as there are.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import Array, constant_of, dtype_of, shape_of
from .detour import bitcast
from .lowering import Lowering


def lower_non_max_suppression(call: Call, b: Builder) -> ir.Value:
    """Select boxes class by class; rows of (batch, class, box) in this order."""
    boxes, scores = call[0], call[1]
    declared = _declared(call)
    batches, classes, count = shape_of(scores)
    if not call.has(2):
        raise Refused("it selects no box: max_output_boxes_per_class is not given")
    most = b.cast(b.reshape(call[2], ()), ir.DataType.INT32)
    overlap = b.reshape(call[3], ()) if call.has(3) else b.value(np.zeros((), np.float32))
    least = b.reshape(call[4], ()) if call.has(4) else b.value(np.array(-np.inf, np.float32))
    found, taken = [], []
    for batch in range(batches):
        corners = b.reshape(b.slice(boxes, [batch, 0, 0], [batch + 1, count, 4]), (count, 4))
        corners = _corners(b, corners) if call.integer("center_point_box", 0) else corners
        for place in range(classes):
            own = b.reshape(b.slice(scores, [batch, place, 0], [batch + 1, place + 1, count]), (count,))
            picked, number = _selected(b, corners, own, overlap, least)
            prefix = np.broadcast_to(np.array([batch, place], np.int32), (count, 2))
            found.append(b.concat([b.value(np.ascontiguousarray(prefix)), b.reshape(picked, (count, 1))], 1))
            taken.append(b.compare("LESS", np.arange(count, dtype=np.int32), b.binary("MINIMUM", number, most)))
    rows = _rows_where(b, b.concat(found, 0), b.concat(taken, 0), declared[0])
    return b.cast(rows, ir.DataType.INT64)


def _selected(
    b: Builder, boxes: ir.Value, scores: ir.Value, overlap: ir.Value, least: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Give the boxes of one class that stay, int32[N], and how many they are, int32.

    The kernel takes equal scores in no order; so it gets the boxes sorted, with their ranks for scores. With a
    threshold of 1 nothing is let go, and the sorted boxes are the result.
    """
    count = shape_of(scores)[0]
    results = [((count,), ir.DataType.FLOAT), ((count,), ir.DataType.INT32)]
    ordered, places = b.node("TOPK_V2", [scores, b.value(np.array(count, np.int32))], results)
    stays = b.compare("GREATER", ordered, least)
    ranks = b.select(stays, np.arange(count, 0, -1, dtype=np.float32), np.zeros((), np.float32))
    limit = b.binary("MINIMUM", _just_above(b, overlap), np.ones((), np.float32))
    operands = [b.gather(boxes, places, 0), ranks, b.value(np.array(count, np.int32)), limit]
    operands.append(b.value(np.zeros((), np.float32)))
    picked, number = b.node(
        "NON_MAX_SUPPRESSION_V4", operands, [((count,), ir.DataType.INT32), ((), ir.DataType.INT32)]
    )
    all_stay = b.compare("GREATER_EQUAL", overlap, np.ones((), np.float32))
    every = b.reduce("SUM", b.cast(stays, ir.DataType.INT32), [0], keep=False)
    picked = b.select(all_stay, np.arange(count, dtype=np.int32), picked)
    return b.gather(places, picked, 0), b.select(all_stay, every, number)


_TINY: Array = np.array(np.finfo(np.float32).tiny)


def _just_above(b: Builder, threshold: ir.Value) -> ir.Value:
    """Give the next float32: the kernel lets go a box that overlaps by the threshold, ONNX one that overlaps by more.

    Not below the smallest normal number, which is less than any overlap of boxes.
    """
    array = constant_of(threshold)
    if array is not None:
        return b.value(np.asarray(np.maximum(np.nextafter(array, np.float32(np.inf)), _TINY)))
    bits = b.binary("ADD", bitcast(b, threshold, ir.DataType.INT32), np.array(1, np.int32))
    return b.binary("MAXIMUM", bitcast(b, bits, ir.DataType.FLOAT), _TINY)


def _corners(b: Builder, boxes: ir.Value) -> ir.Value:
    """Turn (x centre, y centre, width, height) into (y, x, y, x) of two corners."""
    count = shape_of(boxes)[0]
    x, y, width, height = (b.slice(boxes, [0, column], [count, column + 1]) for column in range(4))
    width, height = (b.binary("MUL", side, b.full(0.5, side)) for side in (width, height))
    low = [b.binary("SUB", y, height), b.binary("SUB", x, width)]
    high = [b.binary("ADD", y, height), b.binary("ADD", x, width)]
    return b.concat([*low, *high], 1)


def lower_non_zero(call: Call, b: Builder) -> ir.Value:
    """Give the places of what is not zero, a column each."""
    x, shape = call[0], _declared(call)
    if len(shape) != 2 or shape[0] != call.rank():
        raise Refused(f"its result cannot have the declared shape {list(shape)}")
    rank, count = shape
    mask = x if dtype_of(x) == ir.DataType.BOOL else b.compare("NOT_EQUAL", x, b.full(0, x))
    return b.transpose(b.op("WHERE", [mask], (count, rank), ir.DataType.INT64), (1, 0))


def lower_compress(call: Call, b: Builder) -> ir.Value:
    """Keep the slices along an axis for which a mask holds; what the mask is too short for goes."""
    shape, x, mask = _declared(call), call[0], call[1]
    if "axis" not in call.node.attributes:
        x = b.reshape(x, (math.prod(shape_of(x)),))
        axis = 0
    else:
        axis = call.axis(0)
    short = shape_of(x)[axis] - shape_of(mask)[0]
    mask = b.concat([mask, b.value(np.zeros(short, np.bool_))], 0) if short > 0 else mask
    order = [axis, *(place for place in range(len(shape_of(x))) if place != axis)]
    back = sorted(range(len(order)), key=order.__getitem__)
    return b.transpose(_rows_where(b, b.transpose(x, order), mask, shape[axis]), back)


def _rows_where(b: Builder, rows: ir.Value, mask: ir.Value, count: int) -> ir.Value:
    places = b.op("WHERE", [mask], (count, 1), ir.DataType.INT64)
    return b.op("GATHER_ND", [rows, places], (count, *shape_of(rows)[1:]), dtype_of(rows))


def _declared(call: Call) -> tuple[int, ...]:
    shape = call.declared()
    if shape is None:
        raise Refused("how much it gives depends on the data, and the model does not declare the shape of the result")
    return shape


LOWERINGS: dict[str, Lowering] = {
    "Compress": lower_compress,
    "NonMaxSuppression": lower_non_max_suppression,
    "NonZero": lower_non_zero,
}
