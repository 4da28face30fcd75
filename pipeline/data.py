"""Rows of data: from an `.npz` or a user's function, into a folder of arrays that can be read in pieces."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError
from ..vocabulary.signature import Signature, TensorSpec
from ..vocabulary.tensor_folder import TensorFolder, TensorFolderWriter
from .config import Selection

Array = NDArray[np.generic]

CHUNK_BYTES = 32 * 2**20
"""How much of an array is in memory while its rows are checked and copied."""


def load_rows(selection: Selection, folder: Path, signature: Signature, out: Path) -> TensorFolder:
    """Copy the selected rows of every input (and the labels, under `LABELS`) into `out`, checked against a signature.

    Raises:
        DataError: when the data cannot be read, lacks an input, has another dtype or shape than the model takes, holds
            NaN or infinities, or has another number of labels than of rows.
        ConfigError: when the selection reaches beyond the data.
    """
    where = selection.file or selection.function or ""
    arrays = _open(selection, folder)
    chosen = {
        spec.name: _find(arrays, spec, selection, where, single=len(signature.inputs) == 1) for spec in signature.inputs
    }
    counts = {name: len(array) for name, array in chosen.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{where}: the inputs have different numbers of rows: {counts}")
    start, stop = selection.bounds(next(iter(counts.values())))
    writer = TensorFolderWriter(out / "inputs", stop - start)
    per_row = max(1, sum(array[:1].nbytes for array in chosen.values()))
    step = max(1, CHUNK_BYTES // per_row)
    for spec in signature.inputs:
        check_rows(chosen[spec.name], spec, where)
    for at in range(start, stop, step):
        piece = {name: np.asarray(array[at : min(at + step, stop)]) for name, array in chosen.items()}
        for name, rows in piece.items():
            _check_finite(rows, name, at, where)
        writer.put(at - start, piece)
    writer.close()
    if selection.labels is not None:
        TensorFolder.write(
            out / "labels", {"labels": _labels(arrays, selection, next(iter(counts.values())), where)[start:stop]}
        )
    return TensorFolder(out / "inputs")


def loaded_files(selection: Selection, folder: Path) -> list[Path]:
    """Give the files that `load_rows` reads: the data itself, or the function's module and what it imports."""
    if selection.file is not None:
        return [folder / selection.file]
    named = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return [Path(file) for file in named if file is not None and folder in Path(file).parents]


def is_batched(array_shape: tuple[int, ...], spec: TensorSpec) -> bool:
    """Whether rows of this shape (first axis: rows) are slices along the input's own leading axis."""
    return len(array_shape) == len(spec.shape)


def check_rows(array: Array, spec: TensorSpec, where: str) -> None:
    """Check dtype and shape of an array of rows against an input.

    Raises:
        DataError: when they do not fit; the message says what the model takes and what the data has.
    """
    if array.dtype.name != spec.dtype:
        raise DataError(
            f"{where}: input {spec.name!r} takes {spec.dtype}, the data is {array.dtype.name}",
            hint=f"save the array as {spec.dtype}; edgewright does not convert it silently",
        )
    row = array.shape[1:]
    wanted = spec.shape[1:] if is_batched(array.shape, spec) else spec.shape
    if len(row) != len(wanted) or any(
        isinstance(size, int) and size != got for size, got in zip(wanted, row, strict=True)
    ):
        raise DataError(
            f"{where}: input {spec.name!r} takes rows of shape {_shape(wanted)}, the data has {_shape(row)}",
            hint="the first axis of the data counts the rows",
        )


def load_function(reference: str, folder: Path) -> Any:
    """Import `file.py:function` (relative to a folder) or `package.module:function`.

    Raises:
        DataError: when the file or the function is not there.
    """
    module_name, _, attribute = reference.partition(":")
    if module_name.endswith(".py"):
        path = folder / module_name
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise DataError(f"{reference}: there is no file {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        sys.path.insert(0, str(path.parent))
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, str(folder))
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise DataError(f"{reference}: {error}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise DataError(f"{reference}: the module has no {attribute!r}") from None


def _open(selection: Selection, folder: Path) -> Mapping[str, Array]:
    if selection.function is not None:
        arrays = load_function(selection.function, folder)()
        if not isinstance(arrays, Mapping):
            raise DataError(
                f"{selection.function}: expected a mapping of names to arrays, got {type(arrays).__name__}",
                hint="give {input name: array, …}, the first axis counting the rows",
            )
        return {str(name): np.asarray(array) for name, array in arrays.items()}
    assert selection.file is not None
    path = folder / selection.file
    try:
        arrays = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: cannot be read as .npz: {error}", hint="write it with numpy.savez") from error
    if not isinstance(arrays, Mapping):
        raise DataError(
            f"{path}: a single array without a name", hint="write it with numpy.savez(path, input_name=array)"
        )
    return _Lazy(arrays, str(path))


class _Lazy(Mapping[str, Array]):
    """The arrays of an `.npz`, each read once, when first looked up."""

    def __init__(self, arrays: Mapping[str, Array], where: str) -> None:
        self._arrays, self._where = arrays, where
        self._read: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._read:
            try:
                self._read[name] = self._arrays[name]
            except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
                raise DataError(f"{self._where}: the array {name!r} cannot be read: {error}") from error
        return self._read[name]

    def __iter__(self) -> Any:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def _find(arrays: Mapping[str, Array], spec: TensorSpec, selection: Selection, where: str, *, single: bool) -> Array:
    name = selection.inputs.get(spec.name, spec.name)
    if name not in arrays and single and spec.name not in selection.inputs:
        others = [key for key in arrays if key != selection.labels]
        name = others[0] if len(others) == 1 else name
    if name not in arrays:
        raise DataError(
            f"{where}: no array for input {spec.name!r}; it holds {', '.join(arrays)}",
            hint=f'name the array: inputs = {{ {_key(spec.name)} = "ARRAY" }}',
        )
    array = arrays[name]
    if array.ndim == 0:
        raise DataError(f"{where}: the array {name!r} is a single number, not rows")
    return array


def _labels(arrays: Mapping[str, Array], selection: Selection, row_count: int, where: str) -> Array:
    assert selection.labels is not None
    if selection.labels not in arrays:
        raise DataError(f"{where}: no array {selection.labels!r} for the labels; it holds {', '.join(arrays)}")
    labels = arrays[selection.labels]
    if labels.ndim == 0 or len(labels) != row_count:
        raise DataError(f"{where}: {row_count} rows, but labels of shape {_shape(labels.shape)}")
    return labels


def _check_finite(rows: Array, name: str, at: int, where: str) -> None:
    if rows.dtype.kind != "f":
        return
    finite = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
    if not finite.all():
        raise DataError(
            f"{where}: input {name!r} holds NaN or infinity, first in row {at + int(np.argmin(finite))}",
            hint="no parity can be told on such rows; leave them out",
        )


def _shape(shape: tuple[int | str, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'
