"""Inputs and outputs of a package: what they are called and hold, beside what the hub's are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from ...compiler.model import dtype_name
from ...vocabulary.signature import Preprocess
from .builder import MAX_RANK
from .deployment import Deployment, NeedsNewer
from .toolkit import coremltools

MIL_TYPES = {
    ir.DataType.FLOAT: "fp32",
    ir.DataType.FLOAT16: "fp16",
    **{getattr(ir.DataType, f"{kind}INT{bits}"): "int32" for kind in ("", "U") for bits in (8, 16, 32, 64)},
    ir.DataType.BOOL: "int32",
}
"""Hub dtype → what an input or output of it is outside: Core ML has arrays of floats and of int32, no others."""

DTYPES = {"fp32": "float32", "fp16": "float16", "int32": "int32"}
"""MIL's name of a dtype → the one that signatures use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Border:
    """An input or output. `source` is the hub's name; `dtype` is MIL's word; None stands for a size that is open.

    `picture` is what becomes of pixels, where an input takes them; its channels are in the contract's order.
    """

    source: str
    name: str
    dtype: str
    shape: tuple[int | None, ...]
    picture: Preprocess | None = None
    symbols: tuple[str, ...] = ()
    """What the hub calls each size that is open; "" for one that is not."""


def outside(value: ir.Value, deployment: Deployment) -> str:
    """Give the dtype, by MIL's name, that an input or output has at the border of a package.

    Raises:
        Refused: when Core ML has no such dtype or shape there.
        NeedsNewer: when a later deployment target has.
    """
    if value.dtype not in MIL_TYPES:
        raise Refused(f"Core ML has no inputs or outputs of {dtype_name(value.dtype) if value.dtype else 'no dtype'}")
    if value.shape is not None and len(value.shape) > MAX_RANK:
        raise Refused(f"it has {len(value.shape)} axes; Core ML has at most {MAX_RANK}")
    if value.shape is not None and 0 in value.shape:
        raise Refused("it holds no elements; Core ML has no empty inputs or outputs")
    if value.dtype == ir.DataType.FLOAT16 and deployment < Deployment.IOS16:
        raise NeedsNewer(Deployment.IOS16, "a float16 input or output")
    return MIL_TYPES[value.dtype]


def border_of(value: ir.Value, name: str, var: Any, picture: Preprocess | None = None) -> Border:
    """Describe an input or output by the hub's value and MIL's."""
    dtype = str(coremltools().converters.mil.mil.types.builtin_to_string(var.dtype))
    shape = tuple(int(size) if isinstance(size, int) else None for size in var.shape)
    sizes = value.shape if value.shape is not None and len(value.shape) == len(shape) else (0,) * len(shape)
    symbols = tuple("" if isinstance(size, int) else str(size.value or "") for size in sizes)
    return Border(source=str(value.name), name=name, dtype=dtype, shape=shape, picture=picture, symbols=symbols)
