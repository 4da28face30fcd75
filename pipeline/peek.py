"""The heads of the arrays in an `.npz`: names, dtypes and shapes, without reading the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .npz import open_npz


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayHead:
    """What an array is: NumPy's dtype name, its kind (`f`, `i`, `u`, …) and its shape."""

    dtype: str
    kind: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def peek(path: Path) -> dict[str, ArrayHead]:
    """Give the heads of all arrays that have rows, in the order of the file.

    Raises:
        DataError: when the file is not there or is no `.npz`.
    """
    return {
        name: ArrayHead(dtype=rows.dtype.name, kind=rows.dtype.kind, shape=rows.shape)
        for name, rows in open_npz(path).items()
    }
