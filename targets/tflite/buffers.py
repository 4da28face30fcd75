"""Weights in the file: aligned, and each content only once."""

from __future__ import annotations

import hashlib
from typing import Any

import ml_dtypes
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from numpy.typing import NDArray

ALIGNMENT = 16
"""Bytes; the schema asks for it (`force_align: 16`), its Python packer does not do it."""


class AlignedBuffer(tfl.BufferT):  # type: ignore[misc]  # the schema has no type information
    """A buffer whose data starts at a multiple of `ALIGNMENT` in the file."""

    data: NDArray[np.uint8] | None

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name is the schema's
        """Write the buffer and let its data go; called by the model's own `Pack`."""
        data = self.data
        if data is None:
            return int(super().Pack(builder))
        size = data.nbytes
        builder.StartVector(1, size, ALIGNMENT)
        head = builder.head - size
        builder.head = head
        builder.Bytes[head : head + size] = data.data
        builder.vectorNumElems = size
        vector = builder.EndVector()
        self.data = None
        tfl.BufferStart(builder)
        tfl.BufferAddData(builder, vector)
        return int(tfl.BufferEnd(builder))


class Buffers:
    """The buffers of a file. Number 0 is empty: it stands for every tensor that holds no constant."""

    def __init__(self) -> None:
        """Start with the empty buffer alone."""
        self.tables: list[Any] = [AlignedBuffer()]
        self.size_bytes = 0
        self._by_content: dict[bytes, int] = {}

    def add(self, array: NDArray[Any]) -> int:
        """Give the number of the buffer with the array's bytes; of four-bit integers two lie in one, the first low."""
        if array.dtype == ml_dtypes.int4:
            array = _packed(array)
        data = np.frombuffer(np.ascontiguousarray(array).data.cast("B"), dtype=np.uint8) if array.size else _EMPTY
        digest = hashlib.blake2b(data.data, digest_size=16).digest()
        if digest not in self._by_content:
            self._by_content[digest] = len(self.tables)
            self.tables.append(AlignedBuffer(data=data))
            self.size_bytes += data.nbytes
        return self._by_content[digest]


_EMPTY = np.empty(0, np.uint8)


def _packed(array: NDArray[Any]) -> NDArray[np.uint8]:
    nibbles = array.ravel().astype(np.int8).view(np.uint8) & 0xF
    even = np.concatenate([nibbles, np.zeros(nibbles.size % 2, np.uint8)])
    return np.asarray(even[0::2] | even[1::2] << 4)
