"""Rows between the source's way of being called and an artifact's: another layout, or a narrower integer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..targets.adapt import adapt
from ..vocabulary.errors import DataError
from ..vocabulary.signature import TensorSpec
from ..vocabulary.tensor_folder import Array, TensorFolder, TensorFolderWriter

CHUNK_BYTES = 32 * 2**20


def convert_rows(
    folder: TensorFolder, given: tuple[TensorSpec, ...], taken: tuple[TensorSpec, ...], out: Path
) -> TensorFolder:
    """Give rows as `taken` has them from rows as `given` has them; the folder itself when nothing differs.

    Raises:
        DataError: when a value does not fit into the narrower dtype.
    """
    pairs = [(before, after) for before, after in zip(given, taken, strict=True)]
    if all(before.name == after.name and _are_alike(before, after) for before, after in pairs):
        return folder
    row_count = folder.row_count
    per_row = max(1, sum(folder[spec.name][:1].nbytes for spec in given))
    step = max(1, CHUNK_BYTES // per_row)
    writer = TensorFolderWriter(out, row_count)
    for start in range(0, row_count, step):
        rows = folder.rows(start, min(start + step, row_count))
        try:
            writer.put(start, {after.name: _convert(rows[before.name], before, after) for before, after in pairs})
        except ValueError as error:
            raise DataError(str(error)) from error
    return writer.close()


def _are_alike(before: TensorSpec, after: TensorSpec) -> bool:
    """Whether rows need no conversion; a scalar and one element in a row are not alike."""
    return (before.dtype, before.layout, len(before.shape)) == (after.dtype, after.layout, len(after.shape))


def _convert(rows: Array, before: TensorSpec, after: TensorSpec) -> Array:
    if rows.ndim == len(before.shape):
        return adapt(rows, before, after)
    return np.stack([adapt(row, before, after) for row in rows])
