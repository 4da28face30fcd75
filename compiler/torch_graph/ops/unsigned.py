"""Dtypes that PyTorch holds and does not compute in: unsigned integers of 16 bits and more, and floats of 8 bits.

Moving elements needs no more than their bits, and neither do sums, differences and products of integers: those wrap
around alike in two's complement. Comparing needs the first bit turned, which brings unsigned integers into the order
that signed ones have. Anything else is computed in a wider dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import onnx_ir as ir
import torch

from ..builder import Builder
from ..dtypes import TORCH_DTYPES

if TYPE_CHECKING:
    from torch.fx import Node

SIGNED: Final[Mapping[ir.DataType, torch.dtype]] = {
    ir.DataType.UINT16: torch.int16,
    ir.DataType.UINT32: torch.int32,
    ir.DataType.UINT64: torch.int64,
}
"""Unsigned dtype → the signed one of the same bits, in which PyTorch has kernels."""

WIDER: Final[Mapping[ir.DataType, torch.dtype]] = {
    ir.DataType.UINT16: torch.int32,
    ir.DataType.UINT32: torch.int64,
}
"""Unsigned dtype → the signed one that has all of its numbers. For uint64 there is none."""

FLOAT8: Final = frozenset(
    {
        ir.DataType.FLOAT8E4M3FN,
        ir.DataType.FLOAT8E4M3FNUZ,
        ir.DataType.FLOAT8E5M2,
        ir.DataType.FLOAT8E5M2FNUZ,
        ir.DataType.FLOAT8E8M0,
    }
)

RAW: Final[Mapping[ir.DataType, torch.dtype]] = {**SIGNED, **dict.fromkeys(FLOAT8, torch.uint8)}
"""Dtype that PyTorch only holds → integers of the same bits."""


def raw(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give a value of `dtype` as what PyTorch can move, bit for bit."""
    return b.call(torch.Tensor.view, x, RAW[dtype]) if dtype in RAW else x


def cooked(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give bits as `dtype` again."""
    return b.call(torch.Tensor.view, x, TORCH_DTYPES[dtype]) if dtype in RAW else x


def by_bits(b: Builder, function: Callable[..., Any], dtype: ir.DataType, *operands: Node, **settings: Any) -> Node:
    """Call a function for which bits are as good as values; all operands and the result are of `dtype`."""
    return cooked(b, b.call(function, *(raw(b, x, dtype) for x in operands), **settings), dtype)


def ordered(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give a value of `dtype` as one that PyTorch can compare, in the same order."""
    return b.call(turned, x, SIGNED[dtype]) if dtype in SIGNED else x


def unordered(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give back what `ordered` gave, or a part of it."""
    return b.call(turned, x, TORCH_DTYPES[dtype]) if dtype in SIGNED else x


def by_order(b: Builder, function: Callable[..., Any], dtype: ir.DataType, *operands: Node, **settings: Any) -> Node:
    """Call a function that picks among values by their order; all operands and the result are of `dtype`."""
    return unordered(b, b.call(function, *(ordered(b, x, dtype) for x in operands), **settings), dtype)


def turned(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Read the bits of integers as `dtype`, of the same width, with the first one turned."""
    signed = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    return (x.view(signed) ^ torch.iinfo(signed).min).view(dtype)


def widened(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give uint16 or uint32 in a dtype that PyTorch computes in; others stay what they are."""
    return b.call(torch.Tensor.to, x, WIDER[dtype]) if dtype in WIDER else x


def narrowed(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give what was computed in the wider dtype as uint16 or uint32 again, higher bits cut off."""
    return b.call(torch.Tensor.to, x, TORCH_DTYPES[dtype]) if dtype in WIDER else x
