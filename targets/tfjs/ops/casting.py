"""Conversions between dtypes, and bits read as another dtype."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ...tflite.dialect import dtype_name
from ..builder import Builder
from ..call import Call
from ..graph import DType, Tensor
from ..ranges import never_negative
from .integers import NARROW, UNSIGNED, wrapped
from .lowering import Lowering

_WIDE_UNSIGNED = frozenset({ir.DataType.UINT32, ir.DataType.UINT64})


def cast(call: Call, b: Builder) -> Tensor:
    """Convert: floats are cut towards zero, integers lose the bits that the new dtype has no room for."""
    given, wanted = call.hub_dtype(), call.result_hub_dtype()
    if given == wanted or (given, wanted) == (ir.DataType.FLOAT16, ir.DataType.FLOAT):
        return call[0]
    if wanted == ir.DataType.FLOAT16:
        raise Refused("TF.js does not round to float16: it computes with float32 alone")
    x = b.cast(call[0], call.result_dtype())
    if call[0].dtype is DType.BOOL:
        return x
    if call[0].dtype is DType.INT and wanted in _WIDE_UNSIGNED:
        _refuse_below_zero(call)
    return x if _holds(wanted, given) else wrapped(b, x, wanted)


def _refuse_below_zero(call: Call) -> None:
    if not never_negative(call.value(0)):
        given, wanted = dtype_name(call.hub_dtype()), dtype_name(call.result_hub_dtype())
        raise Refused(f"{given} below zero becomes {wanted} beyond int32, the widest that TF.js has")


def _holds(wanted: ir.DataType, given: ir.DataType) -> bool:
    """Whether one integer dtype has every number of another."""
    kinds = [dtype.numpy() for dtype in (wanted, given)]
    if not all(np.issubdtype(kind, np.integer) for kind in kinds):
        return False
    (low, high), (least, most) = ((np.iinfo(kind).min, np.iinfo(kind).max) for kind in kinds)
    return int(low) <= int(least) and int(most) <= int(high)


def bitcast(call: Call, b: Builder) -> Tensor:
    """Read the bits of an integer as another of the same width, or of 64 bits as two words and back."""
    given, wanted, x = call.hub_dtype(), call.result_hub_dtype(), call[0]
    if call.shape() != call.result_shape():
        return _in_words(call, b)
    if given == wanted:
        return x
    if given == ir.DataType.UINT32 and wanted == ir.DataType.INT32:
        raise Refused("the upper bit of uint32, which int32 does not hold, would be the sign")
    if x.dtype is not DType.INT or call.result_dtype() is not DType.INT:
        raise Refused(f"TF.js does not read the bits of {dtype_name(given)} as {dtype_name(wanted)}")
    if wanted in NARROW:
        return wrapped(b, x, wanted)
    if wanted in UNSIGNED:
        _refuse_below_zero(call)
    return x


def _in_words(call: Call, b: Builder) -> Tensor:
    """Give the lower word and that of the sign, or put the two together: the number is what int32 holds of it."""
    x = call[0]
    if x.shape[:-1] == call.result_shape():
        return b.reshape(b.slice(x, [0] * x.rank, [*x.shape[:-1], 1]), call.result_shape())
    sign = b.binary("Sub", 0, b.cast(b.compare("Less", x, 0), DType.INT))
    parts = [b.reshape(part, (*x.shape, 1)) for part in (x, sign)]
    return b.concat(parts, x.rank)


LOWERINGS: dict[str, Lowering] = {"BITCAST": bitcast, "CAST": cast}
