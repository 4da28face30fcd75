"""What depends on an axis that is known only at run time: done along every axis that it may be, one result chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import constant_of, shape_of


def by_axis(call: Call, b: Builder, index: int, rank: int, work: Callable[[int], ir.Value]) -> ir.Value:
    """Do `work` along the axis that an input names, counted over `rank` axes.

    Raises:
        Refused: when it is known only at run time, and the model does not declare the shape of the result.
    """
    array = constant_of(call[index])
    if array is not None:
        return work(int(array.item()) % rank)
    shape = call.declared()
    if shape is None:
        raise Refused("its axis is not constant, and the model does not declare the shape of the result")
    axis = b.cast(b.reshape(call[index], ()), ir.DataType.INT32)
    axis = b.binary("FLOOR_MOD", axis, np.array(rank, np.int32))
    results = [(place, result) for place in range(rank) if shape_of(result := work(place)) == shape]
    if not results:
        raise Refused(f"along no axis it gives the declared shape {list(shape)}")
    _, chosen = results[0]
    for place, result in results[1:]:
        chosen = b.select(b.compare("EQUAL", axis, np.array(place, np.int32)), result, chosen)
    return chosen
