"""Reads constants from their messages and from weight files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blob import BlobFile, packed, whole
from .dtypes import SUB_BYTE_BITS, storage
from .package import Package
from .program import Literal, TensorType
from .types import read_type

FIELDS = {"floats": "f", "doubles": "f", "ints": "iu", "longInts": "iu", "bools": "b"}
"""Field of a `TensorValue` → the kinds of data type that it may hold."""


class Values:
    """The constants of one package. Weight files are opened once."""

    def __init__(self, package: Package) -> None:
        """Take an opened package."""
        self._package = package
        self._files: dict[str, BlobFile] = {}

    def read(self, message: Any, where: str) -> Literal:
        """Read a `Value`: a tensor, a text, a tuple (also of a list), or a dictionary.

        Raises:
            ValueError: when the value is not of its declared type, or its weight file is damaged.
        """
        kind = message.WhichOneof("value")
        if kind == "blobFileValue":
            return self._from_file(message, where)
        if kind != "immediateValue":
            raise ValueError(f"{where}: a constant without a value")
        value = message.immediateValue
        inner = value.WhichOneof("value")
        if inner == "tensor":
            return _tensor(value.tensor, self._tensor_type(message, where), where)
        if inner in ("list", "tuple"):
            return tuple(self.read(element, where) for element in getattr(value, inner).values)
        if inner == "dictionary":
            pairs = [(self.read(pair.key, where), self.read(pair.value, where)) for pair in value.dictionary.values]
            return {_key(key, where): element for key, element in pairs}
        raise ValueError(f"{where}: a constant without a value")

    def _from_file(self, message: Any, where: str) -> Literal:
        declared, blob = self._tensor_type(message, where), message.blobFileValue
        if blob.fileName not in self._files:
            self._files[blob.fileName] = BlobFile(self._package.beside_model(blob.fileName))
        try:
            return self._files[blob.fileName].read(blob.offset, declared.dtype, _known(declared, where))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error

    @staticmethod
    def _tensor_type(message: Any, where: str) -> TensorType:
        declared = read_type(message.type, where)
        if not isinstance(declared, TensorType):
            raise ValueError(f"{where}: a constant tensor that is declared as something else")
        return declared


def _tensor(message: Any, declared: TensorType, where: str) -> Literal:
    """Read a `TensorValue` that is declared as a tensor of known sizes."""
    shape, dtype = _known(declared, where), declared.dtype
    field = message.WhichOneof("value")
    if field == "strings":
        if dtype != "string":
            raise ValueError(f"{where}: texts, declared as {dtype}")
        return _texts(list(message.strings.values), shape, where)
    if field == "bytes":
        data = np.frombuffer(message.bytes.values, np.uint8)
        return packed(data, dtype, shape, where) if dtype in SUB_BYTE_BITS else whole(data, dtype, shape, where)
    if field is None and math.prod(shape) == 0:
        return np.zeros(shape, storage(dtype))
    if field is None or storage(dtype).kind not in FIELDS[field]:
        raise ValueError(f"{where}: a constant of {dtype} whose value is stored as {field}")
    values = np.array(getattr(message, field).values, {"f": "f8", "iu": "i8", "b": "?"}[FIELDS[field]])
    if values.size != math.prod(shape):
        raise ValueError(f"{where}: {values.size} elements, but {dtype}{list(shape)} has {math.prod(shape)}")
    with np.errstate(over="ignore"):  # an infinity that the file has stays one
        array: NDArray[Any] = values.astype(storage(dtype)).reshape(shape)
    if array.dtype.kind in "iu" and not np.array_equal(array, values.reshape(shape)):
        raise ValueError(f"{where}: an integer that {dtype} does not hold")
    return array


def _texts(texts: list[str], shape: tuple[int, ...], where: str) -> Literal:
    if len(texts) != math.prod(shape):
        raise ValueError(f"{where}: {len(texts)} texts, but string{list(shape)} has {math.prod(shape)}")
    if shape == ():
        return texts[0]
    array = np.empty(len(texts), object)
    array[:] = texts
    return array.reshape(shape)


def _known(declared: TensorType, where: str) -> tuple[int, ...]:
    if declared.shape is None or None in declared.shape:
        raise ValueError(f"{where}: a constant of unknown shape")
    return tuple(size for size in declared.shape if size is not None)


def _key(value: Literal, where: str) -> str | int:
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iu":
        return int(value.item())
    raise ValueError(f"{where}: a key of a dictionary that is neither a text nor a whole number")
