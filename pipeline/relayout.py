"""Rows between the source's way of being called and an artifact's: another layout, or a narrower integer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..vocabulary.errors import DataError
from ..vocabulary.signature import TensorSpec
from ..vocabulary.tensor_folder import Array, TensorFolder, TensorFolderWriter

CHUNK_BYTES = 32 * 2**20

DEFAULT_LAYOUTS = {3: "NCW", 4: "NCHW", 5: "NCDHW"}
"""The layout of a source's tensor, by rank, where neither the model nor the project says one: ONNX's own."""


def convert_rows(
    folder: TensorFolder, given: tuple[TensorSpec, ...], taken: tuple[TensorSpec, ...], out: Path
) -> TensorFolder:
    """Give rows laid out as `taken` from rows laid out as `given`; the folder itself when nothing differs.

    Raises:
        DataError: when a value does not fit into the narrower dtype.
    """
    pairs = [(before, after) for before, after in zip(given, taken, strict=True)]
    if all(_order(before, after) is None and before.dtype == after.dtype for before, after in pairs):
        return folder
    row_count = folder.row_count
    per_row = max(1, sum(folder[spec.name][:1].nbytes for spec in given))
    step = max(1, CHUNK_BYTES // per_row)
    writer = TensorFolderWriter(out, row_count)
    for start in range(0, row_count, step):
        rows = folder.rows(start, min(start + step, row_count))
        writer.put(start, {after.name: _convert(rows[before.name], before, after) for before, after in pairs})
    return writer.close()


def _order(before: TensorSpec, after: TensorSpec) -> tuple[int, ...] | None:
    """Axes of the new layout as places in the old one; None when the layout stays."""
    if after.layout is None:
        return None
    source = before.layout or DEFAULT_LAYOUTS.get(len(before.shape))
    if source is None or source == after.layout:
        return None
    return tuple(source.index(axis) for axis in after.layout)


def _convert(rows: Array, before: TensorSpec, after: TensorSpec) -> Array:
    order = _order(before, after)
    if order is not None:
        surplus = rows.ndim - len(order)  # 1 when the rows stand before an input without a batch axis
        rows = rows.transpose(*range(surplus), *(axis + surplus for axis in order))
    if before.dtype == after.dtype:
        return np.ascontiguousarray(rows)
    converted = rows.astype(after.dtype)
    if not np.array_equal(converted, rows):
        raise DataError(f"{before.name!r}: values of {before.dtype} do not fit into the artifact's {after.dtype}")
    return converted
