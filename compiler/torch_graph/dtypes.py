"""Dtypes of the hub that PyTorch has tensors of, and arrays of them on their way there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ml_dtypes
import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray

TORCH_DTYPES: Final[Mapping[ir.DataType, torch.dtype]] = {
    ir.DataType.FLOAT: torch.float32,
    ir.DataType.FLOAT16: torch.float16,
    ir.DataType.BFLOAT16: torch.bfloat16,
    ir.DataType.DOUBLE: torch.float64,
    ir.DataType.BOOL: torch.bool,
    **{getattr(ir.DataType, f"INT{bits}"): getattr(torch, f"int{bits}") for bits in (8, 16, 32, 64)},
    **{getattr(ir.DataType, f"UINT{bits}"): getattr(torch, f"uint{bits}") for bits in (8, 16, 32, 64)},
    ir.DataType.FLOAT8E4M3FN: torch.float8_e4m3fn,
    ir.DataType.FLOAT8E4M3FNUZ: torch.float8_e4m3fnuz,
    ir.DataType.FLOAT8E5M2: torch.float8_e5m2,
    ir.DataType.FLOAT8E5M2FNUZ: torch.float8_e5m2fnuz,
    ir.DataType.FLOAT8E8M0: torch.float8_e8m0fnu,
}
"""Hub dtype → PyTorch's. PyTorch holds all of these; in unsigned integers of 16 bits and more, and in floats of 8 bits,
it computes next to nothing (`ops/unsigned.py`)."""

_FOREIGN: Final[Mapping[torch.dtype, np.dtype[Any]]] = {
    torch.bfloat16: np.dtype(ml_dtypes.bfloat16),
    torch.float8_e4m3fn: np.dtype(ml_dtypes.float8_e4m3fn),
    torch.float8_e4m3fnuz: np.dtype(ml_dtypes.float8_e4m3fnuz),
    torch.float8_e5m2: np.dtype(ml_dtypes.float8_e5m2),
    torch.float8_e5m2fnuz: np.dtype(ml_dtypes.float8_e5m2fnuz),
    torch.float8_e8m0fnu: np.dtype(ml_dtypes.float8_e8m0fnu),
}
"""What NumPy has by another package alone; PyTorch takes the bytes."""

_FROM_FOREIGN: Final[Mapping[np.dtype[Any], torch.dtype]] = {there: here for here, there in _FOREIGN.items()}
_RAW: Final[Mapping[int, tuple[np.dtype[Any], torch.dtype]]] = {
    1: (np.dtype(np.uint8), torch.uint8),
    2: (np.dtype(np.int16), torch.int16),
}


def tensor_from(array: NDArray[Any]) -> torch.Tensor:
    """Give a copy of an array as a tensor of the same dtype.

    Raises:
        TypeError: when PyTorch has no such dtype.
    """
    own: NDArray[Any] = np.array(array, order="C")
    foreign = _FROM_FOREIGN.get(own.dtype)
    if foreign is None:
        return torch.from_numpy(own)
    raw, _ = _RAW[own.dtype.itemsize]
    return torch.from_numpy(own.view(raw)).view(foreign)


def array_from(tensor: torch.Tensor) -> NDArray[Any]:
    """Give a copy of a tensor as an array of the same dtype."""
    plain = tensor.detach().cpu().contiguous()
    foreign = _FOREIGN.get(tensor.dtype)
    if foreign is None:
        return np.array(plain.numpy())
    _, raw = _RAW[foreign.itemsize]
    return np.array(plain.view(raw).numpy()).view(foreign)
