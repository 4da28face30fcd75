"""Which elements Slice and Split take along an axis."""

from __future__ import annotations

from .operands import Operands
from .refused import Refused


def slice_of(call: Operands) -> dict[int, range]:
    """Give the places that a Slice takes along each axis that it names.

    Raises:
        Refused: when a bound is not constant, or a size is known only at run time.
    """
    starts, ends = call.constant_ints(1, "list of starts") or [], call.constant_ints(2, "list of ends") or []
    axes = call.constant_ints(3, "list of axes") or [*range(len(starts))]
    steps = call.constant_ints(4, "list of steps") or [1] * len(starts)
    sizes, rank = call.shape(), call.rank()
    bounds = zip(axes, starts, ends, steps, strict=True)
    return {axis % rank: sliced(sizes[axis % rank], start, end, step) for axis, start, end, step in bounds}


def sliced(size: int, start: int, end: int, step: int) -> range:
    """Give the places of a slice. Backwards, a start before the axis is its first element, which is not Python's way.

    Source: ONNX, Slice.
    """
    start, end = (bound + size if bound < 0 else bound for bound in (start, end))
    if step > 0:
        return range(min(max(start, 0), size), min(max(end, 0), size), step)
    return range(min(max(start, 0), size - 1), min(max(end, -1), size - 1), step)


def equal_pieces(size: int, count: int) -> list[int]:
    """Give the sizes of `count` equal pieces of an axis, of which the last may be smaller.

    Raises:
        Refused: when the others already hold more than there is.
    """
    piece = -(-size // count)
    if piece * (count - 1) > size:
        raise Refused(f"{size} elements are less than {count - 1} pieces of {piece} and a smaller one")
    return [*[piece] * (count - 1), size - piece * (count - 1)]


def pieces_of(call: Operands) -> list[int]:
    """Give the size of each output of a Split along its axis.

    Raises:
        Refused: when they are not constant, are not the axis together, or depend on a size known only at run time.
    """
    count, size = len(call.node.outputs), call.known_sizes()[call.axis(0)]
    sizes = call.constant_ints(1, "list of sizes") if call.opset >= 13 else call.ints("split")
    if sizes is None:
        if size is None:
            raise Refused("it parts an axis whose size is known only at run time, and says no sizes")
        sizes = equal_pieces(size, count)
    if len(sizes) != count or (size is not None and sum(sizes) != size):
        raise Refused(f"pieces of {sizes} are not {count} of {size}")
    return sizes
