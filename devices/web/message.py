"""Tensors as a page and its server hand them to each other; `web/src/job/message.ts` is the other side.

One line of JSON, `{"tensors": [{"name", "dtype", "shape", "bytes"}]}`, and behind it the bytes of each tensor in that
order, little-endian, row by row. Several messages stand behind each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from io import BufferedIOBase
from typing import Any, Final

import numpy as np

from ...targets.runtime import Array

DTYPES: Final = frozenset(
    {
        "bool",
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
    }
)
"""What numbers can be on the web: `web/src/tensor.ts`."""
ALIGNMENT: Final = 8
"""The line ends so that the first tensor lies where every dtype may: a page then needs no copy of it."""
LINE_BYTES: Final = 1_000_000
"""No line is longer: names and shapes take little."""


def write(tensors: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    """Give the parts of a message.

    Raises:
        ValueError: when a page has no numbers of some dtype.
    """
    announced = []
    for name, array in tensors.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"{name}: a page takes no {array.dtype.name}")
        announced.append({"name": name, "dtype": array.dtype.name, "shape": array.shape, "bytes": array.nbytes})
    line = json.dumps({"tensors": announced}).encode()
    yield line + b" " * (-(len(line) + 1) % ALIGNMENT) + b"\n"
    for array in tensors.values():
        little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        yield little.reshape(-1).view(np.uint8).data


def read(stream: BufferedIOBase, length: int) -> Iterator[dict[str, Array]]:
    """Read messages of `length` bytes together, one after the other.

    Raises:
        ValueError: when something is none.
    """
    left = length
    while True:
        tensors, size_bytes = _read(stream, left)
        yield tensors
        left -= size_bytes
        if not left:
            return


def _read(stream: BufferedIOBase, length: int) -> tuple[dict[str, Array], int]:
    """Read one message of at most `length` bytes; give it with its size."""
    line = stream.readline(min(length, LINE_BYTES))
    left = length - len(line)
    tensors = {}
    for announced in _announced(line):
        try:
            name, dtype, shape = announced["name"], np.dtype(announced["dtype"]), tuple(map(int, announced["shape"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"a tensor is announced as {announced}") from error
        size_bytes = math.prod(shape) * dtype.itemsize
        left -= size_bytes
        if dtype.name not in DTYPES or min(shape, default=0) < 0 or announced.get("bytes") != size_bytes or left < 0:
            raise ValueError(f"a tensor is announced as {announced}")
        data = bytearray(size_bytes)
        if stream.readinto(data) != size_bytes:
            raise ValueError(f"{name}: the message ends within it")
        tensors[name] = np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)
    return tensors, length - left


def _announced(line: bytes) -> list[Any]:
    try:
        found = json.loads(line)["tensors"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("no message of tensors") from error
    if not isinstance(found, list):
        raise ValueError("no message of tensors")
    return found
