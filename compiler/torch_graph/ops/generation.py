"""Tensors made from nothing but sizes and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .numbers import numbers, sizes_of

if TYPE_CHECKING:
    from torch.fx import Node


def constant(call: Call[Node], b: Builder) -> Node:
    """Constant, a tensor or numbers."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        attribute = call.node.attributes.get(name)
        if attribute is not None:
            if name == "value":
                return b.hold(attribute.as_tensor())
            return b.const(attribute.value, torch.float32 if "float" in name else torch.int64)
    raise Refused("a constant that is no tensor of numbers")


def constant_of_shape(call: Call[Node], b: Builder) -> Node:
    """ConstantOfShape."""
    sizes = numbers(call, b, 0, "shape")
    attribute = call.node.attributes.get("value")
    value = attribute.as_tensor().numpy() if attribute is not None else np.zeros(1, np.float32)
    dtype = TORCH_DTYPES.get(attribute.as_tensor().dtype) if attribute is not None else torch.float32
    if dtype is None or (dtype.itemsize == 1 and dtype.is_floating_point):
        raise Refused(f"PyTorch fills no tensors of {call.result_dtype()}")
    return b.call(torch.full, sizes, value.reshape(()).item(), dtype=dtype)


def eye_like(call: Call[Node], b: Builder) -> Node:
    """EyeLike: ones on a diagonal, in a matrix of the size of its input."""
    wanted = ir.DataType(call.integer("dtype", call.dtype().value))
    if wanted not in TORCH_DTYPES:
        raise Refused(f"PyTorch has no tensors of {wanted}")
    return b.call(diagonal, sizes_of(call, b), call.integer("k", 0), TORCH_DTYPES[wanted])


def diagonal(shape: Sequence[int], offset: int, dtype: torch.dtype) -> torch.Tensor:
    """Give a matrix with ones where the column is the row and `offset` more."""
    rows, columns = shape
    return (torch.arange(rows).unsqueeze(1) + offset == torch.arange(columns)).to(dtype)


def range_(call: Call[Node], b: Builder) -> Node:
    """Range; how long it is, is data, unless the bounds are known."""
    if call.dtype().is_floating_point():
        return b.call(range_of_floats, call[0], call[1], call[2])
    start, limit, delta = (numbers(call, b, index, "bounds")[0] for index in range(3))
    return b.call(torch.arange, start, limit, delta, dtype=TORCH_DTYPES[call.dtype()])


def range_of_floats(start: torch.Tensor, limit: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    """Give start + i · delta as often as it takes to come to the limit."""
    count = torch.ceil((limit - start) / delta).clamp(min=0).to(torch.int64).item()
    return start + torch.arange(int(count), dtype=start.dtype) * delta


LOWERINGS: dict[str, Lowering] = {
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "EyeLike": eye_like,
    "Range": range_,
}
