"""Conversions between dtypes."""

from __future__ import annotations

import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .dtypes import BITS, FLOATS, UNSIGNED, UNSIGNED_WIDE, name_of, wrapped
from .lowering import Lowering

_BOOL = ir.DataType.BOOL
_MIL = {ir.DataType.FLOAT: "fp32", ir.DataType.FLOAT16: "fp16", **dict.fromkeys(BITS, "int32"), _BOOL: "bool"}


def cast(call: Call, b: Builder) -> Var:
    """Cast to a dtype."""
    return converted(b, call[0], call.dtype(), ir.DataType(call.integer("to", 0)))


def cast_like(call: Call, b: Builder) -> Var:
    """Cast to the dtype of the second operand."""
    return converted(b, call[0], call.dtype(), call.dtype(1))


def converted(b: Builder, x: Var, given: ir.DataType, wanted: ir.DataType) -> Var:
    """Give `x`, of a dtype of the hub, in another one. Floats are cut towards zero, integers lose their higher bits.

    Raises:
        Refused: when int32 does not hold what comes out, or Core ML has no such dtype.
    """
    for dtype in (given, wanted):
        if dtype not in _MIL:
            raise Refused(f"Core ML has no {name_of(dtype)} to cast from or to")
    if given == wanted:
        return x
    if wanted == _BOOL:
        return b.op("not_equal", x, 0.0 if given in FLOATS else 0)
    if given in BITS and given not in UNSIGNED and wanted in UNSIGNED_WIDE:
        raise Refused(f"{name_of(given)} below zero becomes {name_of(wanted)} beyond int32, the widest of Core ML")
    result = b.cast(x, _MIL[wanted])
    return result if given == _BOOL or _holds(wanted, given) else wrapped(b, result, wanted)


def _holds(wanted: ir.DataType, given: ir.DataType) -> bool:
    """Whether one integer dtype has every number of another."""
    if given not in BITS or wanted not in BITS:
        return False
    return BITS[wanted] - (wanted not in UNSIGNED) >= BITS[given] - (given not in UNSIGNED) and (
        wanted not in UNSIGNED or given in UNSIGNED
    )


def bit_cast(call: Call, b: Builder) -> Var:
    """BitCast between integers of one width; the bits of others are not at hand."""
    given, wanted = call.dtype(), ir.DataType(call.integer("to", 0))
    if given == wanted:
        return call[0]
    if given not in BITS or BITS.get(wanted) != BITS[given]:
        raise Refused(f"MIL has no operation that reads the bits of {name_of(given)} as {name_of(wanted)}")
    if BITS[given] > 16:
        raise Refused(f"the bits of a {name_of(given)} below zero are a {name_of(wanted)} beyond int32, and back")
    return wrapped(b, call[0], wanted)


LOWERINGS: dict[str, Lowering] = {
    "BitCast": bit_cast,
    "Cast": cast,
    "CastLike": cast_like,
}
