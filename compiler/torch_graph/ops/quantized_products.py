"""Products of integers, and those brought onto the grid of a result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .convolution import convolved, kernel_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

_EXACT: Final = 1 << 24
"""Whole numbers up to this magnitude are exact in float32; PyTorch has no convolution of integers."""

_LARGEST: Final = 255 * 255
"""What a product of two numbers of 8 bits, less their zero points, reaches at the most."""


def matmul_integer(call: Call[Node], b: Builder) -> Node:
    """MatMulInteger: sums of products of 8 bits each, in int32 as ONNX has it."""
    return b.call(product, call[0], call[1], call.get(2), call.get(3))


def conv_integer(call: Call[Node], b: Builder) -> Node:
    """ConvInteger."""
    return b.call(torch.Tensor.to, _convolved(call, b, (0, 1), (2, 3)), torch.int32)


def qlinear_matmul(call: Call[Node], b: Builder) -> Node:
    """QLinearMatMul; scales and zero points of the operands are one for all, or one a row left and a column right."""
    total = b.call(product, call[0], call[3], call[2], call[5])
    left = b.call(as_column, call[1])
    return _onto_grid(call, b, total, left)


def qlinear_conv(call: Call[Node], b: Builder) -> Node:
    """QLinearConv: the bias stands on the grid of the products; a scale a channel, or one."""
    total = b.call(torch.Tensor.to, _convolved(call, b, (0, 3), (2, 5)), torch.int32)
    if call.has(8):
        total = b.call(torch.add, total, b.call(torch.reshape, call[8], (-1, *[1] * (call.rank() - 2))))
    return _onto_grid(call, b, total, call[1], call.rank() - 2)


def _convolved(call: Call[Node], b: Builder, values: tuple[int, int], zeros: tuple[int, int]) -> Node:
    """Convolve two integer inputs, each minus its zero point, in floats that hold every sum."""
    depth = math.prod(call.shape(values[1])[1:])
    dtype = torch.float32 if depth * _LARGEST <= _EXACT else torch.float64
    x = b.call(shifted, call[values[0]], call.get(zeros[0]), dtype)
    weight = b.call(shifted, call[values[1]], call.get(zeros[1]), dtype)
    return convolved(call, b, x, weight, None, kernel_of(call, values[1]))


def _onto_grid(call: Call[Node], b: Builder, total: Node, left: Node, spatial: int = 0) -> Node:
    dtype = call.result_dtype()
    if TORCH_DTYPES.get(dtype) not in (torch.int8, torch.uint8):
        raise Refused(f"a result of {dtype.name.lower()}")
    limits = np.iinfo(dtype.numpy())
    ends = (int(limits.min), int(limits.max), TORCH_DTYPES[dtype])
    return b.call(onto_grid, total, left, call[4], call[6], call[7], spatial, *ends)


def product(x: Tensor, y: Tensor, x_zero: Tensor | None, y_zero: Tensor | None) -> Tensor:
    """Multiply integer matrices, each minus its zero point: one for all, or one a row of x, one a column of y."""
    x, y = x.to(torch.int32), y.to(torch.int32)
    if x_zero is not None:
        x = x - as_column(x_zero.to(torch.int32))
    if y_zero is not None:
        y = y - y_zero.to(torch.int32)
    return torch.matmul(x, y)


def as_column(part: Tensor) -> Tensor:
    """Give one number a row [M] as [M, 1]; a single one, and what has its axes already, stay."""
    return part.unsqueeze(-1) if part.dim() == 1 and part.shape[0] != 1 else part


def shifted(x: Tensor, zero: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Give integers minus their zero point, one for all or one a row of the first axis, as floats."""
    x = x.to(dtype)
    if zero is None:
        return x
    zero = zero.to(dtype)
    return x - (zero.reshape(-1, *[1] * (x.dim() - 1)) if zero.numel() != 1 else zero.reshape(()))


def onto_grid(
    total: Tensor,
    left: Tensor,
    right: Tensor,
    scale: Tensor,
    zero: Tensor,
    spatial: int,
    low: int,
    high: int,
    dtype: torch.dtype,
) -> Tensor:
    """Give saturate(round_half_to_even(total · left · right / scale) + zero).

    `spatial`: axes behind the one that `right` goes along.
    """
    right = right.reshape(*right.shape, *[1] * spatial) if right.dim() and right.numel() != 1 else right
    factor = left.float() * right.float() / as_column(scale.float())
    steps = torch.round(total.float() * factor) + as_column(zero).float()
    return steps.clamp(low, high).to(torch.int32).to(dtype)


LOWERINGS: dict[str, Lowering] = {
    "ConvInteger": conv_integer,
    "MatMulInteger": matmul_integer,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
}
