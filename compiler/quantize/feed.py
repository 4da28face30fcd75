"""Rows of data as the calls of a hub model, read a call at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...vocabulary.batching import batching_for
from ...vocabulary.errors import DataError
from ...vocabulary.signature import Signature, TensorSpec

Array = NDArray[Any]


class Feed:
    """The calls that rows of data make, checked against a signature. It can be gone through more than once."""

    def __init__(self, signature: Signature, rows: Mapping[str, Array]) -> None:
        """`rows` holds an array for each input, the first axis counting the rows; a `TensorFolder` is read in pieces.

        Raises:
            DataError: when there are no rows, or they do not fit the signature.
        """
        self._rows = rows
        shapes = {spec.name: _checked(spec, rows) for spec in signature.inputs}
        counts = {name: shape[0] for name, shape in shapes.items()}
        if len(set(counts.values())) > 1:
            raise DataError(f"the inputs have different numbers of rows: {counts}")
        self.row_count = min(counts.values(), default=0)
        if not self.row_count:
            raise DataError("there are no rows to calibrate on", hint="give some dozens that look like those to come")
        self._names = tuple(shapes)
        self._batching = batching_for(signature, shapes)

    @property
    def first(self) -> Mapping[str, Array]:
        """The inputs of the first call."""
        return next(self.calls())[1]

    def calls(self) -> Iterator[tuple[str, Mapping[str, Array]]]:
        """Give for each call which rows it takes, in words, and its inputs; the last is filled up with its last row."""
        size = self._batching.rows_per_call
        for start in range(0, self.row_count, size):
            stop = min(start + size, self.row_count)
            words = f"row {start}" if stop == start + 1 else f"rows {start} to {stop - 1}"
            yield words, {name: self._call(np.array(self._rows[name][start:stop])) for name in self._names}

    def _call(self, rows: Array) -> Array:
        if not self._batching.batched:
            return np.asarray(rows[0])
        missing = self._batching.rows_per_call - len(rows)
        return np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)]) if missing else rows


def _checked(spec: TensorSpec, rows: Mapping[str, Array]) -> tuple[int, ...]:
    """Give the shape of an input's rows.

    Raises:
        DataError: when the input is missing, or its rows are of another dtype or shape than it takes.
    """
    if spec.name not in rows:
        raise DataError(
            f"no rows for input {spec.name!r}; there are {', '.join(rows) or 'none at all'}",
            hint="give an array for each input, by its name",
        )
    array = rows[spec.name]
    if array.dtype.name != spec.dtype:
        raise DataError(f"input {spec.name!r} takes {spec.dtype}, the rows are {array.dtype.name}")
    wanted = spec.shape[1:] if array.ndim == len(spec.shape) else spec.shape
    row = array.shape[1:]
    if (
        array.ndim == 0
        or len(row) != len(wanted)
        or any(isinstance(size, int) and size != got for size, got in zip(wanted, row, strict=True))
    ):
        raise DataError(
            f"input {spec.name!r} takes rows of shape {list(wanted)}, these are of shape {list(row)}",
            hint="the first axis counts the rows",
        )
    return array.shape
