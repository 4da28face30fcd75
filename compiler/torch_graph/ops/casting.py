"""Conversions between dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import onnx_ir as ir
import torch

from ...lowering.call import Call
from ...lowering.refused import Refused
from ...model import dtype_name
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .numbers import remember
from .unsigned import FLOAT8

if TYPE_CHECKING:
    from torch.fx import Node

_BEYOND: Final[Mapping[ir.DataType, float]] = {
    ir.DataType.FLOAT8E4M3FN: 464.0,
    ir.DataType.FLOAT8E4M3FNUZ: 248.0,
    ir.DataType.FLOAT8E5M2: 61440.0,
    ir.DataType.FLOAT8E5M2FNUZ: 61440.0,
}
"""Float of 8 bits → what lies in the middle between its largest number and the next one, if there was one."""

_NARROW: Final = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, *FLOAT8})
"""What float32 holds."""


def cast(call: Call[Node], b: Builder) -> Node:
    """Cast to a dtype."""
    return remember(call, b, _converted(call, b, ir.DataType(call.integer("to", 0))))


def cast_like(call: Call[Node], b: Builder) -> Node:
    """Cast to the dtype of the second operand."""
    return remember(call, b, _converted(call, b, call.dtype(1)))


def _converted(call: Call[Node], b: Builder, wanted: ir.DataType) -> Node:
    """Floats are cut towards zero, integers lose their higher bits; floats of 8 bits saturate, unless told not to."""
    given, x = call.dtype(), call[0]
    for dtype in (given, wanted):
        if dtype not in TORCH_DTYPES:
            raise Refused(f"PyTorch has no tensors of {dtype_name(dtype)}")
    if given == wanted:
        return x
    if wanted not in FLOAT8:
        if given in FLOAT8 and wanted != ir.DataType.FLOAT:
            x = b.call(torch.Tensor.to, x, torch.float32)
        return b.call(torch.Tensor.to, x, TORCH_DTYPES[wanted])
    if given not in _NARROW:
        raise Refused(f"{dtype_name(given)} to a float of 8 bits is rounded twice by PyTorch")
    if wanted == ir.DataType.FLOAT8E8M0:
        raise Refused("PyTorch has no rounding up or down to powers of two")
    x = b.call(torch.Tensor.to, x, torch.float32)
    if call.integer("saturate", 1):
        most = torch.finfo(TORCH_DTYPES[wanted]).max
        return b.call(torch.Tensor.to, b.call(torch.clamp, x, -most, most), TORCH_DTYPES[wanted])
    return b.call(unsaturated, x, TORCH_DTYPES[wanted], _BEYOND[wanted])


def unsaturated(x: torch.Tensor, dtype: torch.dtype, beyond: float) -> torch.Tensor:
    """Round float32 to floats of 8 bits; what rounds to no number of them is infinite, or NaN where none is."""
    outside = torch.where(x > 0, torch.inf, -torch.inf).to(torch.float32)
    outside = outside if dtype is torch.float8_e5m2 else torch.full_like(x, torch.nan)
    return torch.where(x.abs() >= beyond, outside, x).to(dtype)


def bit_cast(call: Call[Node], b: Builder) -> Node:
    """BitCast: the same bits as another dtype of as many."""
    given, wanted = call.dtype(), ir.DataType(call.integer("to", 0))
    for dtype in (given, wanted):
        if dtype not in TORCH_DTYPES:
            raise Refused(f"PyTorch has no tensors of {dtype_name(dtype)}")
    if wanted == ir.DataType.BOOL:
        raise Refused("bits that are a bool of PyTorch only where they are 0 or 1")
    return b.call(torch.Tensor.view, call[0], TORCH_DTYPES[wanted])


LOWERINGS: dict[str, Lowering] = {
    "BitCast": bit_cast,
    "Cast": cast,
    "CastLike": cast_like,
}
