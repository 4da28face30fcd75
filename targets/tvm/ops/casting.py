"""Conversions between dtypes."""

from __future__ import annotations

import onnx_ir as ir

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ....compiler.model import dtype_name
from ..builder import Builder, Expr, dtype_of, refuse_dtype
from ..lowering import Lowering
from ..toolkit import tirx
from .elements import Element, either, elementwise
from .pieces import FLOATS, HALVES, cast


def convert(call: Call[Expr], b: Builder) -> Expr:
    """Cast to a dtype."""
    return converted(b, call[0], dtype_name(ir.DataType(call.integer("to", 0))))


def convert_like(call: Call[Expr], b: Builder) -> Expr:
    """Cast to the dtype of the second operand."""
    return converted(b, call[0], dtype_name(call.dtype(1)))


def converted(b: Builder, x: Expr, wanted: str) -> Expr:
    """Give `x` in another dtype: floats are cut towards zero, integers lose their higher bits.

    Raises:
        Refused: when TVM does not compute in that dtype.
    """
    refuse_dtype(wanted)
    given = dtype_of(x)
    if given == wanted:
        return x
    if wanted == "bool" and given in FLOATS:
        # TVM's `x != 0` asks whether both are ordered and differ, which NaN is not.
        x = cast(b, x, "float32") if given in HALVES else x
        return elementwise(b, "is_true", _is_true, x)
    if given in FLOATS and "int" in wanted:
        return _cut(b, cast(b, x, "float32") if given in HALVES else x, wanted)
    if wanted in HALVES and given not in ("float32", *HALVES):
        return cast(b, cast(b, x, "float32"), wanted)
    if given in HALVES and wanted in FLOATS:
        return cast(b, cast(b, x, "float32"), wanted)
    return cast(b, x, wanted)


def _is_true(x: Element) -> Element:
    return tirx().any(tirx().isnan(x), x != tirx().const(0.0, str(x.ty.dtype)))


def _cut(b: Builder, x: Expr, wanted: str) -> Expr:
    """Give reals as integers. LLVM leaves open what one becomes that the dtype does not hold; int64 holds most."""
    if wanted in ("int32", "int64"):
        return cast(b, x, wanted)
    if wanted != "uint64":
        return cast(b, cast(b, x, "int64"), wanted)

    def element(value: Element) -> Element:
        beyond = value >= tirx().const(2.0**63, str(value.ty.dtype))
        return either(beyond, value.astype("uint64"), value.astype("int64").astype("uint64"))

    return elementwise(b, "astype", element, x)


def bit_cast(call: Call[Expr], b: Builder) -> Expr:
    """BitCast between dtypes of one width."""
    given, wanted = call.dtype(), ir.DataType(call.integer("to", 0))
    refuse_dtype(dtype_name(wanted))
    if ir.DataType.BOOL in (given, wanted) and given != wanted:
        raise Refused("the bits of booleans")
    if given.bitwidth != wanted.bitwidth:
        raise Refused(f"the bits of a {dtype_name(given)} are no {dtype_name(wanted)}")
    if given == wanted:
        return call[0]
    return elementwise(b, "reinterpret", lambda x: tirx().reinterpret(dtype_name(wanted), x), call[0])


LOWERINGS: dict[str, Lowering] = {
    "BitCast": bit_cast,
    "Cast": convert,
    "CastLike": convert_like,
}
