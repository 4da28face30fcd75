"""The numbers of a graph as files: one group of weights in shards of 4 MiB, little-endian, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..tflite.quantization import Quantization
from .graph import Array, Constant, Grid

SHARD_BYTES = 4 * 1024 * 1024
"""What browsers cache well; the size that TensorFlow's own converter takes."""
_WORTH = 64
"""Elements from which fewer bytes for each outweigh what `model.json` says of it, about 80 bytes."""


_HELD_BY_FLOAT = 1 << 24
"""float32 holds all integers below; DequantizeLinear rounds larger ones before it multiplies."""


def on_grid(integers: Array, quantization: Quantization) -> Grid | None:
    """Give what the file holds for reals on a grid; None where it cannot hold them so, or would gain nothing.

    Bit for bit what DequantizeLinear gives: scale and low are a float32 and a small multiple of it, so product and sum
    are exact in float64, and the one rounding to float32 is that of the product there.
    """
    if len(quantization.scales) != 1 or integers.size < _WORTH:
        return None
    bits = 8 if integers.dtype.itemsize == 1 else 16
    lowest, highest = int(integers.min()), int(integers.max())
    if highest - lowest >= 1 << bits or max(abs(lowest), abs(highest)) + abs(quantization.zero_point) >= _HELD_BY_FLOAT:
        return None
    steps = (integers.astype(np.int32) - lowest).astype(f"uint{bits}")
    return Grid(integers=steps, scale=quantization.scale, low=quantization.scale * (lowest - quantization.zero_point))


def in_fewer_bytes(constants: Sequence[Constant], *, halves: bool) -> tuple[Constant, ...]:
    """Let the file hold large constants by fewer bytes where that changes no number.

    Integers of a small range as uint8 or uint16; with `halves` reals that float16 holds exactly as float16.
    """
    return tuple(_in_fewer_bytes(constant, halves) for constant in constants)


def _in_fewer_bytes(constant: Constant, halves: bool) -> Constant:
    array = constant.array
    if array.size < _WORTH or constant.grid is not None:
        return constant
    if array.dtype == np.int32:
        lowest, highest = int(array.min()), int(array.max())
        if highest - lowest >= 1 << 16:
            return constant
        bits = 8 if highest - lowest < 1 << 8 else 16
        steps = (array.astype(np.int64) - lowest).astype(f"uint{bits}")
        return replace(constant, grid=Grid(integers=steps, scale=1.0, low=float(lowest)))
    if halves and array.dtype == np.float32:
        with np.errstate(over="ignore"):
            exact = np.array_equal(array.astype(np.float16).astype(np.float32), array)
        return replace(constant, half=bool(exact))
    return constant


def size_bytes(constant: Constant) -> int:
    """Give how many bytes the file holds of a constant."""
    held = constant.array if constant.grid is None else constant.grid.integers
    return held.size * (2 if constant.half else held.dtype.itemsize)


def entry_of(constant: Constant) -> dict[str, Any]:
    """Say one constant in the manifest of `model.json`: how it is held, and how its numbers are found again."""
    entry: dict[str, Any] = {
        "name": constant.name,
        "shape": [*constant.array.shape],
        "dtype": constant.array.dtype.name,
    }
    if constant.half:
        entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
    elif constant.grid is not None:
        entry["quantization"] = {
            "dtype": constant.grid.integers.dtype.name,
            "original_dtype": constant.array.dtype.name,
            "scale": constant.grid.scale,
            "min": constant.grid.low,
        }
    return entry


def bytes_of(constant: Constant) -> memoryview:
    """Give what the file holds of a constant."""
    array: Array = constant.array if constant.grid is None else constant.grid.integers
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
