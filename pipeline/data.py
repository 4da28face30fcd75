"""Rows of data: from an `.npz` or a user's function, into a folder of arrays that can be read in pieces."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import DataError
from ..vocabulary.signature import Signature, TensorSpec
from ..vocabulary.tensor_folder import TensorFolder, TensorFolderWriter
from ..vocabulary.user_imports import user_imports
from .config import Selection
from .npz import Rows, RowsInMemory, open_npz

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
    counts = {name: array.shape[0] for name, array in chosen.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{where}: the inputs have different numbers of rows: {counts}")
    row_count = next(iter(counts.values()))
    start, stop = selection.bounds(row_count)
    for spec in signature.inputs:
        check_rows(chosen[spec.name], spec, where)
    writer = TensorFolderWriter(out / "inputs", stop - start)
    row_bytes = sum(array.dtype.itemsize * math.prod(array.shape[1:]) for array in chosen.values())
    step = max(1, CHUNK_BYTES // max(1, row_bytes))
    at = start
    for blocks in zip(*(array.blocks(start, stop, step) for array in chosen.values()), strict=True):
        piece = dict(zip(chosen, blocks, strict=True))
        for name, rows in piece.items():
            _check_finite(rows, name, at, where)
        writer.put(at - start, piece)
        at += len(blocks[0])
    writer.close()
    if selection.labels is not None:
        labels = _labels(arrays, selection, row_count, where)
        TensorFolder.write(out / "labels", {"labels": np.concatenate(list(labels.blocks(start, stop, row_count)))})
    return TensorFolder(out / "inputs")


def is_batched(array_shape: tuple[int, ...], spec: TensorSpec) -> bool:
    """Whether rows of this shape (first axis: rows) are slices along the input's own leading axis."""
    return len(array_shape) == len(spec.shape)


def check_rows(array: Rows, spec: TensorSpec, where: str) -> None:
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


def call_function(reference: str, folder: Path) -> Any:
    """Call `file.py:function` (relative to a folder) or `package.module:function`; nothing is written beside its file.

    Raises:
        DataError: when the file or the function is not there, or fails.
    """
    module_name, _, attribute = reference.partition(":")
    path = (folder / module_name).absolute() if module_name.endswith(".py") else None
    with user_imports(path.parent if path is not None else folder.absolute()):
        try:
            module = _load_file(path) if path is not None else importlib.import_module(module_name)
            function = getattr(module, attribute, None)
            if not callable(function):
                raise DataError(f"{reference}: the module has no function {attribute!r}")
            return function()
        except DataError:
            raise
        except Exception as error:
            raise DataError(
                f"{reference}: {type(error).__name__}: {error}", hint="--debug shows where it was raised"
            ) from error


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DataError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # something else may have that name
    spec.loader.exec_module(module)
    return module


def _open(selection: Selection, folder: Path) -> Mapping[str, Rows]:
    if selection.file is not None:
        return open_npz(folder / selection.file)
    assert selection.function is not None
    arrays = call_function(selection.function, folder)
    if not isinstance(arrays, Mapping):
        raise DataError(
            f"{selection.function}: expected a mapping of names to arrays, got {type(arrays).__name__}",
            hint="give {input name: array, …}, the first axis counting the rows",
        )
    return {str(name): RowsInMemory(np.asarray(array)) for name, array in arrays.items()}


def _find(arrays: Mapping[str, Rows], spec: TensorSpec, selection: Selection, where: str, *, single: bool) -> Rows:
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
    if not array.shape:
        raise DataError(f"{where}: the array {name!r} is a single number, not rows")
    return array


def _labels(arrays: Mapping[str, Rows], selection: Selection, row_count: int, where: str) -> Rows:
    assert selection.labels is not None
    if selection.labels not in arrays:
        raise DataError(f"{where}: no array {selection.labels!r} for the labels; it holds {', '.join(arrays)}")
    labels = arrays[selection.labels]
    if labels.shape[:1] != (row_count,):
        raise DataError(f"{where}: {row_count} rows, but labels of shape {_shape(labels.shape)}")
    return labels


def _check_finite(rows: Array, name: str, at: int, where: str) -> None:
    if rows.dtype.kind != "f":
        return
    finite = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
    if not finite.all():
        raise DataError(
            f"{where}: input {name!r} holds NaN or infinity, first in row {at + int(np.argmin(finite))}",
            hint="such rows say nothing about the model; leave them out",
        )


def _shape(shape: tuple[int | str, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'
