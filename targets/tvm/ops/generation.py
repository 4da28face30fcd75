"""Tensors made from nothing but sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from .elements import Element
from .wrapping import wrapped


def constant_of_shape(call: Call[Expr], b: Builder) -> Expr:
    """ConstantOfShape."""
    attribute = call.node.attributes.get("value")
    value = attribute.as_tensor().numpy() if attribute is not None else np.zeros(1, np.float32)
    return b.const(np.full(call.result_shape(), value.reshape(()), value.dtype))


def eye_like(call: Call[Expr], b: Builder) -> Expr:
    """EyeLike: ones on a diagonal, in a matrix of the size of its input."""
    rows, columns = call.shape()
    return b.const(np.eye(rows, columns, call.integer("k", 0), call.result_dtype().numpy()))


def arange(call: Call[Expr], b: Builder) -> Expr:
    """Range, as long as the hub says."""
    start, step = call[0], call[2]
    dtype = dtype_of(start)

    def element(place: Sequence[Any], first: Any, delta: Any) -> Element:
        zero = [0] * len(first.shape)
        steps = place[0].astype(dtype)
        if "int" in dtype:
            return wrapped("add", first(*zero), wrapped("multiply", steps, delta(*zero)))
        return first(*zero) + steps * delta(*zero)

    write = b.apart if dtype in ("int64", "uint64") else b.each
    return write("range", call.result_shape(), element, start, step)


def random(call: Call[Expr], b: Builder) -> Expr:  # noqa: ARG001 - a lowering's form
    """Whatever is drawn: refused."""
    raise Refused(f"{call.op} draws numbers: no two runs agree, so nothing can prove that the library is the model")


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(("Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"), random),
    "ConstantOfShape": constant_of_shape,
    "EyeLike": eye_like,
    "Range": arange,
}
