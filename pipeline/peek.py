"""The heads of the arrays in an `.npz`: names, dtypes and shapes, without reading the data."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..vocabulary.errors import DataError


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
    heads = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                with archive.open(entry) as file:
                    major, _ = np.lib.format.read_magic(file)
                    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
                    shape, _, dtype = read(file)
                if shape:
                    heads[entry.removesuffix(".npy")] = ArrayHead(dtype=dtype.name, kind=dtype.kind, shape=shape)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: cannot be read as .npz: {error}", hint="write it with numpy.savez") from error
    if not heads:
        raise DataError(f"{path}: holds no rows", hint="write it with numpy.savez, one array for each input")
    return heads
