"""Choices among elements: by place, by rank."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var, type_name
from ..call import Call
from .indexing import through_integers
from .lowering import Lowering
from .sizes import DTYPES, is_number, shaped, size_of


def compress(call: Call, b: Builder) -> Var:
    """Compress, by a constant mask; what the mask is too short for goes."""
    mask = call.constant(1, "condition")
    x = call[0]
    if "axis" not in call.node.attributes:
        x, axis = shaped(b, x, [-1]), 0
    else:
        axis = call.axis(0)
    places = np.flatnonzero(mask)
    if not places.size:
        raise Refused("a tensor without elements: Core ML has none")
    return through_integers(b, x, lambda given: b.op("gather", given, places, axis=axis))


def trilu(call: Call, b: Builder) -> Var:
    """Trilu by a mask: MIL's band_part multiplies by one, and an infinite value outside would become NaN."""
    x = call[0]
    if call.has(1) and not call.is_constant(1):
        diagonal = b.op("reshape", call[1], [1, 1])
    else:
        diagonal = np.array([[call.constant(1, "diagonal").item() if call.has(1) else 0]])
    rows, columns = x.shape[-2:]
    if isinstance(diagonal, np.ndarray) and is_number(rows) and is_number(columns):
        apart = np.arange(columns)[None, :] - np.arange(rows)[:, None]
        mask = b.const(apart >= diagonal if call.integer("upper", 1) else apart <= diagonal)
    else:
        row = b.op("expand_dims", _places(b, x, -2), axes=[1])
        column = b.op("expand_dims", _places(b, x, -1), axes=[0])
        relation = "greater_equal" if call.integer("upper", 1) else "less_equal"
        mask = b.op(relation, column, b.op("add", row, diagonal))
    return b.op("select", mask, x, b.const(_zero(x)))


def _zero(x: Var) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    return np.zeros([1] * len(x.shape), DTYPES[type_name(x)])


def _places(b: Builder, x: Var, axis: int) -> Var:
    """Give 0, 1, … as many as an axis has elements, int32[n]."""
    size = size_of(b, x, axis % len(x.shape))
    if is_number(size):
        return b.const(np.arange(size))
    return b.op("range_1d", start=np.int32(0), end=b.op("squeeze", size, axes=[0]), step=np.int32(1))


def top_k(call: Call, b: Builder) -> tuple[Var, Var | None]:
    """TopK.

    Among equal values ONNX takes the one of the lower index first; MIL's documentation does not say. So the values are
    MIL's, and where the indices are wanted, each is that of the first place with its value that is not taken yet.
    """
    x, axis = call[0], call.axis(-1)
    count = int(call.constant(1, "k").item())
    if not count:
        raise Refused("a tensor without elements: Core ML has none")
    values = b.op("topk", x, k=count, axis=axis, ascending=not call.integer("largest", 1))[0]
    return values, _indices(b, x, values, axis, count) if call.wants(1) else None


def _indices(b: Builder, x: Var, values: Var, axis: int, count: int) -> Var:
    rank = len(x.shape)
    order = [*(at for at in range(rank) if at != axis), axis]
    if axis != rank - 1:
        x, values = (b.op("transpose", value, perm=order) for value in (x, values))
    equal = b.op("equal", b.op("expand_dims", values, axes=[-1]), b.op("expand_dims", x, axes=[-2]))
    number = b.op("cumsum", b.cast(equal, "int32"), axis=-1)  # the how manieth of its value each place is
    if count > 1:
        same = b.op("equal", b.op("expand_dims", values, axes=[-1]), b.op("expand_dims", values, axes=[-2]))
        before = b.op("select", np.tri(count, dtype=np.bool_), b.cast(same, "int32"), np.zeros((1, 1), np.int32))
        wanted = b.op("reduce_sum", before, axes=[-1], keep_dims=True)
    else:
        wanted = np.ones([1] * (rank + 1), np.int32)
    hit = b.op("logical_and", equal, b.op("equal", number, wanted))
    places = b.op("mul", b.cast(hit, "int32"), _places(b, x, -1))
    found = b.op("reduce_sum", places, axes=[-1], keep_dims=False)
    back = sorted(range(rank), key=order.__getitem__)
    return b.op("transpose", found, perm=back) if axis != rank - 1 else found


def non_zero(call: Call, _: Builder) -> Var:
    """NonZero, Unique, NonMaxSuppression: refused."""
    raise Refused(
        f"how much {call.op} gives depends on the data; it may be nothing, and Core ML has no tensors without elements"
    )


LOWERINGS: dict[str, Lowering] = {
    "Compress": compress,
    "NonMaxSuppression": non_zero,
    "NonZero": non_zero,
    "TopK": top_k,
    "Trilu": trilu,
    "Unique": non_zero,
}
