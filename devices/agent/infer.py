"""Run an artifact over all rows of its inputs, a few rows at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...targets.runtime import Array, Session
from ...vocabulary.tensor_folder import TensorFolder, TensorFolderWriter
from .job import Calls


def infer(session: Session, calls: Calls, output: Path) -> None:
    """Run the session over every row and write its outputs as a `TensorFolder`; memory does not grow with the rows.

    Raises:
        ValueError: when there are no rows, or an output does not have one row for each row of the inputs.
    """
    inputs = TensorFolder(calls.inputs)
    row_count = inputs.row_count
    if not row_count:
        raise ValueError(f"{calls.inputs.name}: no rows to run")
    writer = TensorFolderWriter(output, row_count)
    for start in range(0, row_count, calls.rows_per_call):
        stop = min(start + calls.rows_per_call, row_count)
        outputs = session.run(call_inputs(inputs, calls, start, stop))
        writer.put(start, {name: kept_rows(name, array, calls, stop - start) for name, array in outputs.items()})
    writer.close()


def call_inputs(inputs: TensorFolder, calls: Calls, start: int, stop: int) -> dict[str, Array]:
    """Give what one call takes: rows `start:stop`, filled up with the last one, or the row itself."""
    rows = inputs.rows(start, stop)
    if not calls.batched:
        return {name: np.asarray(array[0]) for name, array in rows.items()}  # of an array of scalars too
    missing = calls.rows_per_call - (stop - start)
    if not missing:
        return rows
    return {name: np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) for name, array in rows.items()}


def kept_rows(name: str, array: Array, calls: Calls, wanted: int) -> Array:
    """Give the rows of an output that count: the first `wanted` of a call's, the others filled it up.

    Raises:
        ValueError: when the output does not have one row for each row of the call.
    """
    if not calls.batched:
        return array[np.newaxis]
    if array.ndim == 0 or len(array) != calls.rows_per_call:
        raise ValueError(
            f"output {name!r} of shape {list(array.shape)} does not hold one row for each of the "
            f"{calls.rows_per_call} rows of the call"
        )
    return array[:wanted]
