"""Dtypes of the hub that PyTorch computes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir
import torch

TORCH_DTYPES: Final[Mapping[ir.DataType, torch.dtype]] = {
    ir.DataType.FLOAT: torch.float32,
    ir.DataType.FLOAT16: torch.float16,
    ir.DataType.BFLOAT16: torch.bfloat16,
    ir.DataType.DOUBLE: torch.float64,
    ir.DataType.BOOL: torch.bool,
    ir.DataType.UINT8: torch.uint8,
    **{getattr(ir.DataType, f"INT{bits}"): getattr(torch, f"int{bits}") for bits in (8, 16, 32, 64)},
}
"""Hub dtype → PyTorch's. Unsigned integers of 16 bits and more have few kernels there."""
