"""Scatters.

MIL's `scatter_along_axis` leaves open what several updates of one element add up to; of `scatter_nd` its documentation
says that they accumulate. So reductions are `scatter_nd`, with the place of every update written out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .dtypes import name_of
from .indexing import from_the_front, through_integers
from .lowering import Lowering
from .sizes import is_number

_MODES = {"none": "update", "add": "add", "mul": "mul", "max": "max", "min": "min"}
_WIDE = {ir.DataType.INT32, ir.DataType.INT64, ir.DataType.FLOAT, ir.DataType.FLOAT16}
"""Dtypes whose sums and products stay in them as MIL computes them."""


def _mode(call: Call) -> str:
    reduction = call.text("reduction", "none")
    if reduction in ("add", "mul") and call.dtype(0) not in _WIDE:
        raise Refused(f"its sums of {name_of(call.dtype(0))} may leave that dtype")
    if reduction != "none" and call.dtype(0) == ir.DataType.BOOL:
        raise Refused(f"the reduction {reduction} of booleans")
    return _MODES[reduction]


def scatter_elements(call: Call, b: Builder) -> Var:
    """ScatterElements, and Scatter as it was called before."""
    data, axis, mode = call[0], call.axis(0), _mode(call)
    indices = from_the_front(b, call, 1, [axis])
    whole = all(own == size for at, (own, size) in enumerate(zip(data.shape, call.sizes(1), strict=True)) if at != axis)
    updates = call[2]
    if mode == "update" and whole:
        return _scattered(b, "scatter_along_axis", data, indices, updates, axis=axis, mode=mode)
    sizes = call.shape(1)
    count = int(np.prod(sizes))
    others = np.indices(sizes).reshape(len(sizes), count, 1)
    if isinstance(indices, np.ndarray):
        columns: list[Any] = [*others]
        columns[axis] = indices.reshape(count, 1)
        places: Any = np.concatenate(columns, axis=1)
    else:
        columns = [column.astype(np.int32) for column in others]
        columns[axis] = b.op("reshape", indices, [count, 1])
        places = b.op("concat", values=columns, axis=1) if len(columns) > 1 else columns[0]
    return _scattered(b, "scatter_nd", data, places, b.op("reshape", updates, [count]), mode=mode)


def scatter_nd(call: Call, b: Builder) -> Var:
    """ScatterND."""
    depth = call.sizes(1)[-1]
    if not is_number(depth):
        raise Refused("how many axes its indices are for is known only at run time")
    mode, data = _mode(call), call[0]
    places = from_the_front(b, call, 1, range(int(depth)))
    return _scattered(b, "scatter_nd", data, places, call[2], mode=mode)


def tensor_scatter(call: Call, b: Builder) -> Var:
    """TensorScatter: rows of updates from a place on that each batch names, in a ring where the mode is circular."""
    cache, sizes, rank = call[0], call.shape(1), call.rank()
    axis = call.integer("axis", -2) % rank
    along = np.arange(sizes[axis]).reshape([-1 if at == axis else 1 for at in range(rank)])
    first = (sizes[0], *[1] * (rank - 1))
    if not call.has(2):
        places: Any = np.broadcast_to(along, sizes)
    elif call.is_constant(2):
        places = np.broadcast_to(call.constant(2, "write indices").reshape(first) + along, sizes)
    else:
        places = b.op("add", b.op("reshape", call[2], [*first]), along)
        places = b.op("tile", places, [1 if at in (0, axis) else size for at, size in enumerate(sizes)])
    length = cache.shape[axis]
    if call.text("mode", "linear") == "circular":
        if not is_number(length):
            raise Refused("a ring whose size is known only at run time")
        places = places % length if isinstance(places, np.ndarray) else b.op("mod", places, np.array([length]))
    return _scattered(b, "scatter_along_axis", cache, places, call[1], axis=axis, mode="update")


def _scattered(b: Builder, operation: str, data: Var, places: Any, updates: Var, **parameters: Any) -> Var:
    def work(given: Var) -> Var:
        return b.op(operation, given, places, b.cast(updates, "int32") if given is not data else updates, **parameters)

    return through_integers(b, data, work)


LOWERINGS: dict[str, Lowering] = {
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TensorScatter": tensor_scatter,
}
