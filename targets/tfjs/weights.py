"""The numbers of a graph as files: one group of weights in shards of 4 MiB, little-endian, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .graph import Array, Constant

SHARD_BYTES = 4 * 1024 * 1024
"""What browsers cache well; the size that TensorFlow's own converter takes."""


def entry_of(constant: Constant) -> dict[str, Any]:
    """Say one constant in the manifest of `model.json`: how it is held, and how its numbers are found again."""
    entry: dict[str, Any] = {
        "name": constant.name,
        "shape": [*constant.array.shape],
        "dtype": constant.array.dtype.name,
    }
    if constant.half:
        entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
    elif constant.integers is not None:
        entry["quantization"] = {
            "dtype": constant.integers.dtype.name,
            "original_dtype": constant.array.dtype.name,
            "scale": constant.scale,
            "min": constant.low,
        }
    return entry


def bytes_of(constant: Constant) -> memoryview:
    """Give what the file holds of a constant."""
    array: Array = constant.array if constant.integers is None else constant.integers
    if constant.half:
        array = array.astype(np.float16)
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return little.reshape(-1).view(np.uint8).data


def shards(constants: Sequence[Constant]) -> Iterator[list[memoryview]]:
    """Give the parts of each shard; a constant may begin in one and end in the next. Nothing is copied."""
    parts: list[memoryview] = []
    free = SHARD_BYTES
    for constant in constants:
        rest = bytes_of(constant)
        while rest:
            parts.append(rest[:free])
            free -= len(parts[-1])
            rest = rest[len(parts[-1]) :]
            if not free:
                yield parts
                parts, free = [], SHARD_BYTES
    if parts:
        yield parts
