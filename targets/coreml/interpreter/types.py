"""Reads types from their messages."""

from __future__ import annotations

from typing import Any

from .dtypes import NAMES
from .program import DictionaryType, ListType, StateType, TensorType, TupleType, Type

MAX_RANK = 64
"""NumPy's; Core ML's own is 5."""


def read_type(message: Any, where: str) -> Type:
    """Read a `ValueType`.

    Raises:
        ValueError: when the message says no type, or one that is not known.
    """
    kind = message.WhichOneof("type")
    if kind == "tensorType":
        return tensor_type(message.tensorType, where)
    if kind == "listType":
        return ListType(element=read_type(message.listType.type, where), length=_size(message.listType.length, where))
    if kind == "tupleType":
        return TupleType(elements=tuple(read_type(element, where) for element in message.tupleType.types))
    if kind == "dictionaryType":
        key, value = message.dictionaryType.keyType, message.dictionaryType.valueType
        return DictionaryType(key=read_type(key, where), value=read_type(value, where))
    if kind == "stateType":
        wrapped = read_type(message.stateType.wrappedType, where)
        if not isinstance(wrapped, TensorType):
            raise ValueError(f"{where}: a state that holds no tensor")
        return StateType(wrapped=wrapped)
    raise ValueError(f"{where}: no type, or none that is known")


def tensor_type(message: Any, where: str) -> TensorType:
    """Read a `TensorType`.

    Raises:
        ValueError: when its data type is not known, or its rank is not the number of its dimensions.
    """
    dtype = NAMES.get(message.dataType)
    if dtype is None:
        raise ValueError(f"{where}: unknown data type {message.dataType}")
    if message.rank == -1 or any(dimension.unknown.variadic for dimension in message.dimensions):
        return TensorType(dtype=dtype, shape=None)
    if message.rank != len(message.dimensions) or message.rank > MAX_RANK:
        raise ValueError(f"{where}: a tensor of rank {message.rank} with {len(message.dimensions)} dimensions")
    return TensorType(dtype=dtype, shape=tuple(_size(dimension, where) for dimension in message.dimensions))


def _size(message: Any, where: str) -> int | None:
    kind = message.WhichOneof("dimension")
    if kind == "constant":
        return int(message.constant.size)
    if kind == "unknown":
        return None
    raise ValueError(f"{where}: a dimension that is neither constant nor unknown")
