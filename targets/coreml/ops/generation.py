"""Tensors made from nothing but sizes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var, type_name
from ..call import Call
from .lowering import Lowering
from .sizes import elements, is_number, size_of

_MIL = {ir.DataType.FLOAT: "fp32", ir.DataType.FLOAT16: "fp16", ir.DataType.BOOL: "bool"}


def constant_of_shape(call: Call, b: Builder) -> Var:
    """ConstantOfShape."""
    sizes = elements(call, 0)
    attribute = call.node.attributes.get("value")
    value = attribute.as_tensor().numpy() if attribute is not None else np.zeros(1, np.float32)
    if 0 in sizes:
        raise Refused("a tensor without elements: Core ML has none")
    filled = b.const(value.reshape(())).val
    if not sizes:
        return b.const(value.reshape(()))
    return b.op("fill", np.array(sizes) if all(map(is_number, sizes)) else call[0], value=filled)


def constant(call: Call, b: Builder) -> Var:
    """Constant, a tensor or numbers."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        attribute = call.node.attributes.get(name)
        if attribute is not None:
            tensor = attribute.as_tensor() if name == "value" else None
            kind = np.float32 if "float" in name else np.int64
            return b.const(tensor.numpy() if tensor is not None else np.array(attribute.value, kind))
    raise Refused("a constant that is no tensor of numbers")


def eye_like(call: Call, b: Builder) -> Var:
    """EyeLike: ones on a diagonal, in a matrix of the size of its input."""
    sizes, diagonal = call.sizes(), call.integer("k", 0)
    dtype = call.result_dtype()
    if all(map(is_number, sizes)):
        return b.const(np.eye(int(sizes[0]), int(sizes[1]), diagonal, dtype.numpy()))
    x = call[0]
    places = []
    for axis in (0, 1):
        size = size_of(b, x, axis)
        last = np.int32(size) if is_number(size) else b.op("squeeze", size, axes=[0])
        places.append(b.op("range_1d", start=np.int32(0), end=last, step=np.int32(1)))
    rows = b.op("expand_dims", b.op("add", places[0], np.array([diagonal])), axes=[1])
    return b.cast(b.op("equal", rows, b.op("expand_dims", places[1], axes=[0])), _MIL.get(dtype, "int32"))


def arange(call: Call, b: Builder) -> Var:
    """Range."""
    start, limit, step = (call[index] for index in range(3))
    if type_name(start) == "bool":
        raise Refused("a range of booleans")
    return b.op("range_1d", start=start, end=limit, step=step)


def random(call: Call, _: Builder) -> Var:
    """Whatever is drawn: refused."""
    raise Refused(f"{call.op} draws numbers: no two runs agree, so nothing can prove that the package is the model")


LOWERINGS: dict[str, Lowering] = {
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "EyeLike": eye_like,
    "Multinomial": random,
    "RandomNormal": random,
    "RandomNormalLike": random,
    "RandomUniform": random,
    "RandomUniformLike": random,
    "Range": arange,
}
