"""A folder of named arrays, one `.npy` file each, that can be written and read in pieces.

Names of tensors may hold any character, so files are numbered and `index.json` maps them: `{"names": ["a", "b"]}`.
Standard library and NumPy only: it runs on devices.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class TensorFolder(Mapping[str, Array]):
    """Arrays of a folder, memory-mapped when looked up, so that reading rows costs what the rows cost."""

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            OSError: when the folder or its index is not there.
        """
        self.path = path
        self._names: list[str] = json.loads((path / "index.json").read_text("utf-8"))["names"]

    @classmethod
    def write(cls, path: Path, arrays: Mapping[str, Array]) -> TensorFolder:
        """Write arrays (C order) into a new folder; equal arrays give equal bytes.

        Raises:
            FileExistsError: when the folder is already there.
        """
        path.mkdir(parents=True)
        for index, array in enumerate(arrays.values()):
            np.save(path / f"{index}.npy", np.ascontiguousarray(array).reshape(np.shape(array)), allow_pickle=False)
        (path / "index.json").write_text(json.dumps({"names": list(arrays)}) + "\n", "utf-8")
        return cls(path)

    @property
    def row_count(self) -> int:
        """The length of the first axis, which all arrays share; 0 when there are none."""
        return min((len(self[name]) for name in self), default=0)

    def rows(self, start: int, stop: int) -> dict[str, Array]:
        """Copy rows `start:stop` of every array into memory."""
        return {name: np.array(self[name][start:stop]) for name in self}

    def __getitem__(self, name: str) -> Array:
        try:
            index = self._names.index(name)
        except ValueError:
            raise KeyError(name) from None
        array: Array = np.load(self.path / f"{index}.npy", mmap_mode="r", allow_pickle=False)
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class TensorFolderWriter:
    """Writes a folder row by row, never holding more than one piece in memory."""

    def __init__(self, path: Path, row_count: int) -> None:
        """Prepare to write `row_count` rows of every array into a new folder.

        Raises:
            FileExistsError: when the folder is already there.
        """
        self._path, self._row_count = path, row_count
        self._places: dict[str, _Place] = {}
        path.mkdir(parents=True)

    def put(self, start: int, arrays: Mapping[str, Array]) -> None:
        """Write rows `start:start + len(rows)` of each array; the first piece fixes names, dtypes and row shapes.

        Raises:
            ValueError: when a later piece has other names, dtypes or row shapes than the first, or too many rows.
        """
        if not self._places:
            self._places = {
                name: _Place.create(self._path / f"{index}.npy", rows, self._row_count)
                for index, (name, rows) in enumerate(arrays.items())
            }
        if list(arrays) != list(self._places):
            raise ValueError(f"expected the tensors {list(self._places)}, got {list(arrays)}")
        for name, rows in arrays.items():
            place = self._places[name]
            if rows.dtype != place.dtype or rows.shape[1:] != place.row_shape:
                raise ValueError(
                    f"{name}: expected rows of {place.dtype}{list(place.row_shape)}, "
                    f"got {rows.dtype}{list(rows.shape[1:])}"
                )
            if start + len(rows) > self._row_count:
                raise ValueError(f"{name}: rows up to {start + len(rows)}, but there are {self._row_count}")
            place.write(start, rows)

    def close(self) -> TensorFolder:
        """Write the index and open the folder for reading."""
        (self._path / "index.json").write_text(json.dumps({"names": list(self._places)}) + "\n", "utf-8")
        self._places = {}
        return TensorFolder(self._path)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A `.npy` file written in pieces: not by a memory map, whose pages would count as memory of this process."""

    path: Path
    offset: int
    dtype: np.dtype[np.generic]
    row_shape: tuple[int, ...]

    @classmethod
    def create(cls, path: Path, rows: Array, row_count: int) -> _Place:
        shape = (row_count, *rows.shape[1:])
        description = np.lib.format.dtype_to_descr(rows.dtype)
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": description, "fortran_order": False, "shape": shape})
            offset = file.tell()
            file.truncate(offset + math.prod(shape) * rows.itemsize)
        return cls(path=path, offset=offset, dtype=rows.dtype, row_shape=shape[1:])

    def write(self, start: int, rows: Array) -> None:
        with self.path.open("r+b") as file:
            file.seek(self.offset + start * math.prod(self.row_shape) * rows.itemsize)
            file.write(rows.tobytes())
