"""The dialect: an onnx_ir graph whose nodes are TFLite operators.

A node stands in the domain `tflite`, its op type is the name of a `BuiltinOperator`, its attributes are the fields of
that operator's options table by their schema names (enums by member name), and its operands are in the order of the
kernel. Every value has a static shape and a dtype; a constant is a value that holds a tensor and has no producer. What
is written so needs no further thought to emit.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from numpy.typing import NDArray

DOMAIN = "tflite"
_HUB_NODE = "node"

Array = NDArray[Any]

DTYPE_NAMES: dict[ir.DataType, str] = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.FLOAT16: "float16",
    ir.DataType.BFLOAT16: "bfloat16",
    ir.DataType.DOUBLE: "float64",
    ir.DataType.BOOL: "bool",
    ir.DataType.INT4: "int4",
    **{
        getattr(ir.DataType, f"{kind}INT{bits}"): f"{kind.lower()}int{bits}"
        for kind in ("", "U")
        for bits in (8, 16, 32, 64)
    },
}
"""Dtypes as people write them, `float32` rather than `FLOAT`."""


def dtype_name(dtype: ir.DataType) -> str:
    """Name a dtype as in a signature."""
    return DTYPE_NAMES.get(dtype, dtype.name.lower())


def shape_of(value: ir.Value) -> tuple[int, ...]:
    """Give the static shape of a dialect value."""
    assert value.shape is not None, value
    return value.shape.numpy()


def dtype_of(value: ir.Value) -> ir.DataType:
    """Give the dtype of a dialect value."""
    assert value.dtype is not None, value
    return value.dtype


def constant_of(value: ir.Value | None) -> Array | None:
    """Give the array that a constant holds, None for any other value. The array must not be written to."""
    if value is None or value.const_value is None:
        return None
    return value.const_value.numpy()


def is_constant(value: ir.Value | None) -> bool:
    """Whether a value is a constant of the dialect."""
    return value is not None and value.const_value is not None


def make_constant(array: Array, name: str | None = None) -> ir.Value:
    """Make a constant that holds the array itself, no copy of it."""
    return hold_tensor(ir.Tensor(array, name=name), name)


def hold_tensor(tensor: ir.TensorProtocol, name: str | None) -> ir.Value:
    """Make a constant that holds a tensor as it is; one of a protobuf message gives its array by a copy each time."""
    shape = ir.Shape(tensor.shape.numpy())
    return ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=shape, const_value=tensor)


def make_value(name: str | None, shape: tuple[int, ...], dtype: ir.DataType) -> ir.Value:
    """Make a value that is no constant."""
    return ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape(shape))


def hub_node(node: ir.Node) -> str:
    """Name the node of the hub that a dialect node was made for; empty when none is known."""
    return node.metadata_props.get(_HUB_NODE, "")


def made_for(node: ir.Node, name: str) -> None:
    """Note the name of the node of the hub that a dialect node is made for."""
    node.metadata_props.setdefault(_HUB_NODE, name)


def ints(node: ir.Node, name: str) -> tuple[int, ...]:
    """Read a list attribute of a dialect node, empty when it is not set."""
    attribute = node.attributes.get(name)
    return tuple(attribute.as_ints()) if attribute is not None else ()


def integer(node: ir.Node, name: str) -> int:
    """Read an integer or boolean attribute of a dialect node, 0 when it is not set."""
    attribute = node.attributes.get(name)
    return attribute.as_int() if attribute is not None else 0


def text(node: ir.Node, name: str, default: str) -> str:
    """Read an enum attribute of a dialect node."""
    attribute = node.attributes.get(name)
    return attribute.as_string() if attribute is not None else default


def operand(node: ir.Node, index: int) -> ir.Value:
    """Give an operand that is there."""
    value = node.inputs[index]
    assert value is not None, (node, index)
    return value


def constant_operand(node: ir.Node, index: int) -> Array:
    """Give the array of an operand that the dialect has as a constant (a permutation, paddings, a new shape)."""
    array = constant_of(node.inputs[index])
    assert array is not None, (node, index)
    return array
