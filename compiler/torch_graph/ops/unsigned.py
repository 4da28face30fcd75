"""Unsigned integers of 16 bits and more: PyTorch holds them, and works on signed ones of the same bits.

Moving elements needs no more than the bits, and neither do sums, differences and products: those wrap around alike in
two's complement. What depends on the value is computed in a wider dtype, or on bits with the first one turned.
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
"""Dtype → the signed one of the same bits, in which PyTorch has kernels."""

RAW: Final[Mapping[ir.DataType, torch.dtype]] = {
    **SIGNED,
    ir.DataType.FLOAT8E4M3FN: torch.uint8,
    ir.DataType.FLOAT8E4M3FNUZ: torch.uint8,
    ir.DataType.FLOAT8E5M2: torch.uint8,
    ir.DataType.FLOAT8E5M2FNUZ: torch.uint8,
    ir.DataType.FLOAT8E8M0: torch.uint8,
}
"""Dtype → integers of the same bits that PyTorch can move: of all dtypes that it only holds."""


def raw(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give a value of `dtype` as what PyTorch can move, bit for bit."""
    return b.call(torch.Tensor.view, x, RAW[dtype]) if dtype in RAW else x


def cooked(b: Builder, x: Node, dtype: ir.DataType) -> Node:
    """Give bits as `dtype` again."""
    return b.call(torch.Tensor.view, x, TORCH_DTYPES[dtype]) if dtype in RAW else x


def by_bits(b: Builder, function: Callable[..., Any], dtype: ir.DataType, *operands: Node, **settings: Any) -> Node:
    """Call a function for which bits are as good as values; all operands and the result are of `dtype`."""
    return cooked(b, b.call(function, *(raw(b, x, dtype) for x in operands), **settings), dtype)
