"""What a step that learns is given beside the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Model

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How far training is: optimizer steps `done` of `total`, and the rest in words for people.

    `text`: `epoch 3 of 20, loss 0.213, agreement 87.5 %, 40 s left`.
    """

    done: int
    total: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """The rows to learn from, whom to learn from, and where to keep what was learned so far.

    `rows` holds an array for each input, its first axis counting the rows (a `TensorFolder` is read in pieces);
    `labels`, where there are some, has one entry a row. `digest` is of both. `teacher` is the model as it was imported,
    float32. `student` is a model of the user's that stands in for the one that the step is applied to. `home` is a
    folder that outlives the process: whoever trains into it again, after a kill, goes on where it was. `tell` is told
    of every few steps. `augment` changes the rows of a batch; it draws from the generator alone.
    """

    rows: Mapping[str, Array]
    labels: Array | None
    digest: str
    teacher: Model
    student: Model | None = None
    home: Path | None = None
    tell: Callable[[Standing], None] | None = None
    augment: Callable[[dict[str, Array], np.random.Generator], dict[str, Array]] | None = None

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return min((len(rows) for rows in self.rows.values()), default=0)


def rows_at(rows: Mapping[str, Array], places: NDArray[np.int64]) -> dict[str, Array]:
    """Copy some rows of every array into memory, in this order."""
    return {name: np.stack([np.asarray(array[place]) for place in places.tolist()]) for name, array in rows.items()}
