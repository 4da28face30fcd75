"""Arrays of an `.npz`, read from front to back in blocks, so that memory does not grow with the data."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError

Array = NDArray[np.generic]

DRAIN_BYTES = 2**20
"""How much is read at a time of what nobody asked for, up to the checksum at its end."""


class Rows(Protocol):
    """An array whose first axis counts rows, and that may be larger than memory."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """NumPy's dtype."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; the first axis counts the rows."""
        ...

    def blocks(self, start: int, stop: int, size: int) -> Iterator[Array]:
        """Give rows `start:stop` in order, at most `size` at a time."""
        ...


@dataclass(frozen=True, slots=True)
class RowsInMemory:
    """An array that is there already."""

    array: Array

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """NumPy's dtype."""
        return self.array.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.array.shape

    def blocks(self, start: int, stop: int, size: int) -> Iterator[Array]:
        """Give slices."""
        for at in range(start, stop, size):
            yield self.array[at : min(at + size, stop)]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsInFile:
    """An array of an `.npz`, of which only the head has been read."""

    path: Path
    entry: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fortran_order: bool

    def blocks(self, start: int, stop: int, size: int) -> Iterator[Array]:
        """Read rows in order; the rest is read as well, because the checksum stands at the end.

        Raises:
            DataError: when the file is damaged.
        """
        with _told(self.path), zipfile.ZipFile(self.path) as archive, archive.open(self.entry) as file:
            if self.fortran_order:  # its rows do not lie side by side
                array = np.lib.format.read_array(file, allow_pickle=False)
                yield from RowsInMemory(array).blocks(start, stop, size)
                return
            _read_head(file)
            row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
            _read_exactly(file, start * row_bytes, keep=False)
            for at in range(start, stop, size):
                count = min(size, stop - at)
                data = _read_exactly(file, count * row_bytes, keep=True)
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])
            while file.read(DRAIN_BYTES):
                pass


def open_npz(path: Path) -> Mapping[str, RowsInFile]:
    """Give every array of an `.npz` that has rows, by name, in the order of the file.

    Raises:
        DataError: when the file is not there, is no `.npz`, or holds Python objects.
    """
    found = {}
    with _told(path), zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            with archive.open(entry) as file:
                shape, fortran_order, dtype = _read_head(file)
            if dtype.hasobject:
                raise ValueError(f"{entry} holds Python objects, which could run code when they are read")
            if shape:
                name = entry.removesuffix(".npy")
                found[name] = RowsInFile(
                    path=path, entry=entry, dtype=dtype, shape=shape, fortran_order=fortran_order and len(shape) > 1
                )
    if not found:
        raise DataError(f"{path}: holds no rows", hint="write it with numpy.savez, one array for each input")
    return found


def _read_head(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    major, _ = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    return read(file)


def _read_exactly(file: IO[bytes], size: int, *, keep: bool) -> bytes:
    """Read so many bytes, or pass over them in small pieces."""
    kept, left = [], size
    while left:
        data = file.read(left if keep else min(left, DRAIN_BYTES))
        if not data:
            raise ValueError("an array ends before its last row")
        left -= len(data)
        if keep:
            kept.append(data)
    return kept[0] if len(kept) == 1 else b"".join(kept)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be read as .npz: {error}", hint="write it with numpy.savez") from error
