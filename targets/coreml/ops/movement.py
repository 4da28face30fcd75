"""Operations that move elements, join and part tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var, type_name
from ..call import Call
from .lowering import Lowering
from .sizes import is_number, nothing, shaped


def transpose(call: Call, b: Builder) -> Var:
    """Transpose."""
    rank = call.rank()
    order = call.ints("perm") or [*reversed(range(rank))]
    return b.op("transpose", call[0], perm=order) if order != [*range(rank)] else call[0]


def concat(call: Call, b: Builder) -> Var:
    """Concat; what is empty along the axis is left out."""
    axis = call.axis(0)
    parts = [call[index] for index in range(len(call.inputs)) if not _is_empty(call.sizes(index)[axis])]
    if not parts:
        raise Refused("a tensor without elements: Core ML has none")
    return b.op("concat", values=parts, axis=axis) if len(parts) > 1 else parts[0]


def _is_empty(size: object) -> bool:
    return is_number(size) and size == 0


def split(call: Call, b: Builder) -> Sequence[Var]:
    """Split: into given sizes, or into equal ones of which the last may be smaller."""
    x, axis, count = call[0], call.axis(0), len(call.node.outputs)
    size = call.sizes()[axis]
    sizes = call.constant_ints(1, "list of sizes") if call.opset >= 13 else call.ints("split")
    if sizes is None:
        if not is_number(size):
            raise Refused("it parts an axis whose size is known only at run time, and says no sizes")
        piece = -(-int(size) // count)
        sizes = [max(min(piece, int(size) - start), 0) for start in range(0, piece * count, piece)]
    if len(sizes) != count or (is_number(size) and sum(sizes) != size):
        raise Refused(f"pieces of {sizes} are not {count} of {size}")
    some = [each for each in sizes if each]
    pieces = iter(b.op("split", x, split_sizes=some, axis=axis) if len(some) > 1 else [x])
    return [next(pieces) if each else nothing(b, x, axis) for each in sizes]


def depth_to_space(call: Call, b: Builder) -> Var:
    """DepthToSpace: channels in blocks of depth (DCR) or in columns of it (CRD), which is PyTorch's order."""
    block = call.integer("blocksize", 1)
    if block == 1:
        return call[0]
    if call.text("mode", "DCR") == "CRD":
        return b.op("pixel_shuffle", call[0], upscale_factor=block)
    return b.op("depth_to_space", call[0], block_size=block)


def space_to_depth(call: Call, b: Builder) -> Var:
    """SpaceToDepth."""
    block = call.integer("blocksize", 1)
    return b.op("space_to_depth", call[0], block_size=block) if block > 1 else call[0]


def reverse_sequence(call: Call, b: Builder) -> Var:
    """ReverseSequence."""
    batch, time = call.integer("batch_axis", 1), call.integer("time_axis", 0)
    return b.op("reverse_sequence", call[0], call[1], seq_axis=time, batch_axis=batch)


def col2im(call: Call, b: Builder) -> Var:
    """Col2Im: every place of the image gathers the columns that lie over it, and adds them."""
    x, sizes = call[0], call.shape()
    image = call.constant_ints(1, "size of the image") or []
    block = call.constant_ints(2, "size of the blocks") or []
    places = _places(image, block, call)
    if type_name(x) not in ("fp16", "fp32"):
        raise Refused("its sums of integers may leave their dtype")
    taps = int(np.prod(block))
    channels, columns = sizes[1] // taps, sizes[2]
    flat = b.op("reshape", x, [sizes[0], channels, taps * columns])
    if (places == taps * columns).any():
        flat = b.op("pad", flat, pad=[0, 0, 0, 0, 0, 1])
    gathered = b.op("gather", flat, places.ravel(), axis=2)
    if len(places) > 1:
        gathered = b.op("reshape", gathered, [sizes[0], channels, *places.shape])
        gathered = b.op("reduce_sum", gathered, axes=[2], keep_dims=False)
    return shaped(b, gathered, [sizes[0], channels, *image])


def _places(image: list[int], block: list[int], call: Call) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Give, for each place of the image, the columns of each tap over it, int64[most taps over one, places].

    Columns are counted over taps and blocks; what no more tap covers has the number behind the last.
    """
    axes = len(image)
    dilations, strides = (call.ints(name) or [1] * axes for name in ("dilations", "strides"))
    pads = call.ints("pads") or [0] * 2 * axes
    counts = [
        (image[axis] + pads[axis] + pads[axis + axes] - dilations[axis] * (block[axis] - 1) - 1) // strides[axis] + 1
        for axis in range(axes)
    ]
    over: list[list[int]] = [[] for _ in range(int(np.prod(image)))]
    columns = int(np.prod(counts))
    for tap, offset in enumerate(np.ndindex(*block)):
        for column, start in enumerate(np.ndindex(*counts)):
            at = [start[axis] * strides[axis] - pads[axis] + offset[axis] * dilations[axis] for axis in range(axes)]
            if all(0 <= at[axis] < image[axis] for axis in range(axes)):
                over[int(np.ravel_multi_index(at, image))].append(tap * columns + column)
    places = np.full((max(map(len, over)), len(over)), int(np.prod(block)) * columns)
    for place, found in enumerate(over):
        places[: len(found), place] = found
    return places


LOWERINGS: dict[str, Lowering] = {
    "Col2Im": col2im,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "ReverseSequence": reverse_sequence,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Transpose": transpose,
}
