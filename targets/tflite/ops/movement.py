"""Operators that cut, join and pad."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.padding import repeated
from ....compiler.lowering.parts import pieces_of, slice_of
from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import dtype_of, is_constant, shape_of
from .bounds import pad_at_run_time, slice_at_run_time
from .lowering import Lowering


def lower_concat(call: Call, b: Builder) -> ir.Value:
    """Join along an axis; what is empty along it is left out."""
    axis = call.axis(0)
    parts = [call[index] for index in range(len(call.inputs)) if shape_of(call[index])[axis]]
    return b.concat(parts or [call[0]], axis)


def lower_split(call: Call, b: Builder) -> list[ir.Value | None]:
    """Cut into pieces of given sizes, or of equal ones with a smaller last."""
    x, axis, sizes = call[0], call.axis(0), pieces_of(call)
    pieces = iter(_pieces(b, x, [size for size in sizes if size], axis))
    nothing = b.value(np.empty((*shape_of(x)[:axis], 0, *shape_of(x)[axis + 1 :]), dtype_of(x).numpy()))
    return [next(pieces) if size else nothing for size in sizes]


def _pieces(b: Builder, x: ir.Value, sizes: list[int], axis: int) -> Sequence[ir.Value]:
    if len(sizes) == 1:
        return [x]
    results = [((*shape_of(x)[:axis], size, *shape_of(x)[axis + 1 :]), dtype_of(x)) for size in sizes]
    where = np.array(axis, np.int32)
    if len(set(sizes)) == 1:
        return b.node("SPLIT", [where, x], results, num_splits=len(sizes))
    return b.node("SPLIT_V", [x, np.array(sizes, np.int32), where], results, num_splits=len(sizes))


def lower_slice(call: Call, b: Builder) -> ir.Value:
    """Cut by starts, ends and steps; a negative step reverses first."""
    x, shape = call[0], shape_of(call[0])
    if not all(is_constant(value) for value in call.inputs[1:] if value is not None):
        return slice_at_run_time(call, b)
    taken = slice_of(call)
    bounds = [taken.get(axis, range(size)) for axis, size in enumerate(shape)]
    if any(len(bound) == 0 for bound in bounds):
        return b.value(np.empty([len(bound) for bound in bounds], dtype_of(x).numpy()))
    backwards = [axis for axis, bound in enumerate(bounds) if bound.step < 0 and len(bound) > 1]
    if backwards:
        x = b.op("REVERSE_V2", [x, np.array(backwards, np.int32)], shape, dtype_of(x))
        for axis in backwards:
            last, bound = shape[axis] - 1, bounds[axis]
            bounds[axis] = range(last - bound[0], last - bound[-1] + 1, -bound.step)
    return b.slice(
        x,
        [bound[0] for bound in bounds],
        [bound[-1] + 1 for bound in bounds],
        [abs(bound.step) if len(bound) > 1 else 1 for bound in bounds],
    )


def lower_pad(call: Call, b: Builder) -> ir.Value:
    """Pad with a number, the edge or the reflection; negative pads cut."""
    x, rank = call[0], call.rank()
    if not all(value is None or is_constant(value) for value in (call[1], call.get(3))):
        return pad_at_run_time(call, b)
    pads = call.constant_ints(1, "pads") or []
    axes = call.constant_ints(3, "axes") if call.has(3) else list(range(rank))
    full = [(0, 0)] * rank
    for place, axis in enumerate(axes or []):
        full[axis % rank] = (pads[place], pads[place + len(pads) // 2])
    shape = shape_of(x)
    cuts = [(max(-before, 0), size - max(-after, 0)) for size, (before, after) in zip(shape, full, strict=True)]
    x = b.slice(x, [start for start, _ in cuts], [stop for _, stop in cuts])
    full = [(max(before, 0), max(after, 0)) for before, after in full]
    match call.text("mode", "constant"):
        case "constant":
            if call.has(2) and not is_constant(call[2]):
                wide = [size + before + after for size, (before, after) in zip(shape_of(x), full, strict=True)]
                return b.op("PADV2", [x, np.array(full, np.int32), b.reshape(call[2], ())], wide, dtype_of(x))
            return b.pad(x, full, call.constant(2, "value").item() if call.has(2) else 0)
        case "reflect":
            return _mirror(b, x, full)
        case ("edge" | "wrap") as mode:
            for axis, ends in enumerate(full):
                x = b.gather(x, repeated(shape_of(x)[axis], ends, mode).astype(np.int32), axis) if any(ends) else x
            return x
        case mode:
            raise Refused(f"mode {mode!r}")


def _mirror(b: Builder, x: ir.Value, pads: list[tuple[int, int]]) -> ir.Value:
    shape = shape_of(x)
    if any(max(pad) >= size for size, pad in zip(shape, pads, strict=True) if max(pad)):
        raise Refused("it reflects more than there is")
    wide = [size + before + after for size, (before, after) in zip(shape, pads, strict=True)]
    return b.op("MIRROR_PAD", [x, np.array(pads, np.int32)], wide, dtype_of(x), mode="REFLECT")


def lower_depth_to_space(call: Call, b: Builder) -> ir.Value:
    """Spread channels over blocks. TFLite's own operator orders channels as mode DCR does."""
    x, block = b.channels_last(call[0]), call.integer("blocksize", 1)
    batch, height, width, channels = shape_of(x)
    depth = channels // block**2
    if call.text("mode", "DCR") == "CRD":
        order = np.arange(channels).reshape(depth, block**2).T.ravel().astype(np.int32)
        x = b.gather(x, order, 3)
    shape = (batch, height * block, width * block, depth)
    return b.channels_first(b.op("DEPTH_TO_SPACE", [x], shape, dtype_of(x), block_size=block))


def lower_space_to_depth(call: Call, b: Builder) -> ir.Value:
    """Gather blocks into channels."""
    x, block = b.channels_last(call[0]), call.integer("blocksize", 1)
    batch, height, width, channels = shape_of(x)
    shape = (batch, height // block, width // block, channels * block**2)
    y = b.op("SPACE_TO_DEPTH", [x], shape, dtype_of(x), block_size=block)
    if call.text("mode", "DCR") == "CRD":
        order = np.arange(shape[-1]).reshape(block**2, channels).T.ravel().astype(np.int32)
        y = b.gather(y, order, 3)
    return b.channels_first(y)


LOWERINGS: dict[str, Lowering] = {
    "Concat": lower_concat,
    "DepthToSpace": lower_depth_to_space,
    "Pad": lower_pad,
    "Slice": lower_slice,
    "SpaceToDepth": lower_space_to_depth,
    "Split": lower_split,
}
