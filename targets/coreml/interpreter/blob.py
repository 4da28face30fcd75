"""Weight files: the storage format MILBlob, version 2.

A file is a header of 64 bytes (uint32 count of blobs, uint32 version, the rest reserved) and then blobs, each a record
of 64 bytes (uint32 sentinel 0xDEADBEEF, uint32 type, uint64 size in bytes, uint64 offset of the data in the file,
uint64 unused bits at the end of the data, the rest reserved) and its data, both at multiples of 64. A program names the
place of a record. Numbers are little-endian; elements of fewer than eight bits are packed from the least significant
bit up.

Source: `mlmodel/src/MILBlob/Blob/StorageFormat.hpp` in https://github.com/apple/coremltools.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dtypes import BLOB_NUMBERS, SUB_BYTE_BITS, storage
from .program import Packed

HEADER_BYTES = RECORD_BYTES = 64
VERSION = 2
SENTINEL = 0xDEADBEEF


class BlobFile:
    """A weight file, mapped into memory: what is read from it is a view, nothing is copied."""

    def __init__(self, path: Path) -> None:
        """Open a weight file.

        Raises:
            ValueError: when it cannot be read, is shorter than its header, or of another version.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self.size = path.stat().st_size
                if self.size < HEADER_BYTES:
                    raise ValueError(f"{path}: {self.size} bytes, but the header of a weight file takes {HEADER_BYTES}")
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise ValueError(f"{path}: the weight file cannot be read: {error.strerror}") from error
        (version,) = struct.unpack_from("<I", self._map, 4)
        if version != VERSION:
            raise ValueError(f"{path}: a weight file of version {version}, expected version {VERSION}")

    def read(self, offset: int, dtype: str, shape: Sequence[int]) -> NDArray[Any] | Packed:
        """Give the blob whose record lies at `offset`, as `dtype` (a MIL type) of `shape`.

        Raises:
            ValueError: when there is no record, the record is of another type, its data lie outside of the file, or
                their size is not that of the shape.
        """
        where = f"{self.path}: offset {offset}"
        if offset < HEADER_BYTES or offset + RECORD_BYTES > self.size:
            raise ValueError(f"{where}: outside of the file, which has {self.size} bytes")
        sentinel, number, size, start, padding = struct.unpack_from("<IIQQQ", self._map, offset)
        if sentinel != SENTINEL:
            raise ValueError(
                f"{where}: no record of a blob: it begins with {sentinel:#010x}, expected {SENTINEL:#010x}"
            )
        if number != BLOB_NUMBERS.get(dtype):
            found = next((name for name, known in BLOB_NUMBERS.items() if known == number), f"unknown ({number})")
            raise ValueError(f"{where}: a blob of type {found}, expected {dtype}")
        if start + size > self.size:
            raise ValueError(f"{where}: its data are bytes {start} to {start + size} of a file of {self.size}")
        data = np.frombuffer(self._map, np.uint8, size, start)
        return (
            packed(data, dtype, shape, where, padding) if dtype in SUB_BYTE_BITS else whole(data, dtype, shape, where)
        )


def whole(data: NDArray[np.uint8], dtype: str, shape: Sequence[int], where: str) -> NDArray[Any]:
    """View bytes as elements of a type that takes whole bytes.

    Raises:
        ValueError: when the size is not that of the shape.
    """
    element = storage(dtype)
    expected = math.prod(shape) * element.itemsize
    if data.size != expected:
        raise ValueError(f"{where}: {data.size} bytes, but {dtype}{list(shape)} takes {expected}")
    return data.view(element).reshape(tuple(shape))


def packed(data: NDArray[np.uint8], dtype: str, shape: Sequence[int], where: str, padding: int | None = None) -> Packed:
    """Take bytes as elements of a type that shares bytes; `padding` is the number of unused bits, where it is stated.

    Raises:
        ValueError: when the size is not that of the shape.
    """
    bits = math.prod(shape) * SUB_BYTE_BITS[dtype]
    expected = -(-bits // 8)
    if data.size != expected:
        raise ValueError(f"{where}: {data.size} bytes, but {dtype}{list(shape)} takes {expected}")
    if padding is not None and padding != expected * 8 - bits:
        raise ValueError(f"{where}: {padding} unused bits, but {dtype}{list(shape)} leaves {expected * 8 - bits}")
    return Packed(data=data, dtype=dtype, shape=tuple(shape))


def unpack(value: Packed) -> NDArray[Any]:
    """Give an element a byte: int8 for int4, uint8 for the others."""
    return unpack_bits(value.data, SUB_BYTE_BITS[value.dtype], math.prod(value.shape), value.dtype).reshape(value.shape)


def unpack_bits(data: NDArray[np.uint8], bits: int, count: int, dtype: str = "") -> NDArray[Any]:
    """Give `count` elements of `bits` bits, packed from the least significant bit up; `int4` is two's complement."""
    if bits == 4:
        elements = np.stack([data & 15, data >> 4], axis=-1).reshape(-1)[:count]
    elif bits == 8:
        elements = data[:count]
    else:
        single = np.unpackbits(data, bitorder="little")[: count * bits].reshape(count, bits)
        elements = np.packbits(single, axis=-1, bitorder="little").reshape(count)
    return (elements ^ 8).view(np.int8) - np.int8(8) if dtype == "int4" else elements
