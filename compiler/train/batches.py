"""The rows of every step: which are held back, in what order the others come, and how they are changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...vocabulary.errors import DataError, RequestError
from .function import tensors
from .learning import Learning
from .material import Array, Material, rows_at

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Rows of one step, as tensors whose first axis counts them.

    `places` say which rows they are, None when they were changed. `labels` are theirs; where a row was mixed with
    another, `others` are the labels of that one, and `shares` how much of it there is, float32[rows].
    """

    rows: dict[str, Tensor]
    places: Places | None
    labels: Tensor | None = None
    others: Tensor | None = None
    shares: Tensor | None = None


class Batches:
    """All batches of a training, each a function of the seed and its number alone: a resumed one sees the same."""

    def __init__(self, options: Learning, material: Material) -> None:
        """Hold back some rows, by the seed.

        Raises:
            DataError: when there are no rows, too few to hold one back, or labels of another count.
            RequestError: when rows are to be mixed that are not floats.
        """
        count = material.row_count
        if count < 2:
            raise DataError(
                f"there {'is 1 row' if count else 'are no rows'} to learn from",
                hint="give data.training some hundreds of rows like those to come",
            )
        if material.labels is not None and len(material.labels) != count:
            raise DataError(f"there are {len(material.labels)} labels for {count} rows", hint="give one for each row")
        if options.mix and any(array.dtype != np.float32 for array in material.rows.values()):
            raise RequestError(
                "mix makes sums of rows, and some inputs of the model are not float32", hint="leave mix out"
            )
        order = np.random.default_rng([options.seed, _HELD_BACK]).permutation(count)
        held = min(max(1, round(options.held_back * count)), count - 1)
        self.held_back, self._places = np.sort(order[:held]), np.sort(order[held:])
        self._options, self._material = options, material
        self.per_epoch = -(-len(self._places) // options.batch)
        self._epoch: tuple[int, Places] | None = None

    @property
    def places(self) -> Places:
        """The rows that are learned from."""
        return self._places

    @property
    def are_changed(self) -> bool:
        """Whether rows are others than those of the data."""
        return bool(self._options.mix) or self._material.augment is not None

    def of_step(self, step: int) -> Batch:
        """Give the rows of a step, counted from 0."""
        epoch, place = divmod(step, self.per_epoch)
        size = self._options.batch
        places = self._order(epoch)[place * size : (place + 1) * size]
        if not self.are_changed:
            return self.at(places)
        return self._changed(places, np.random.default_rng([self._options.seed, _CHANGED, step]))

    def at(self, places: Places) -> Batch:
        """Give these rows as they are."""
        return Batch(rows=tensors(rows_at(self._material.rows, places)), places=places, labels=self._labels(places))

    def pieces(self, places: Places) -> Iterator[Batch]:
        """Give rows as they are, a batch at a time."""
        for start in range(0, len(places), self._options.batch):
            yield self.at(places[start : start + self._options.batch])

    def _order(self, epoch: int) -> Places:
        if self._epoch is None or self._epoch[0] != epoch:
            drawn = np.random.default_rng([self._options.seed, _ORDER, epoch])
            self._epoch = epoch, drawn.permutation(self._places)
        return self._epoch[1]

    def _labels(self, places: Places) -> Tensor | None:
        labels = self._material.labels
        if labels is None:
            return None
        chosen = labels[places]
        return torch.from_numpy(chosen.astype(np.int64 if chosen.dtype.kind in "iu" else np.float32))

    def _changed(self, places: Places, draw: np.random.Generator) -> Batch:
        rows = rows_at(self._material.rows, places)
        others = shares = None
        if self._options.mix:
            partners = draw.choice(self._places, len(places))
            share = draw.uniform(0.0, self._options.mix, len(places)).astype(np.float32)
            rows = _mixed(rows, rows_at(self._material.rows, partners), share)
            others, shares = self._labels(partners), torch.from_numpy(share)
        if self._material.augment is not None:
            rows = _checked(self._material.augment(rows, draw), rows)
        return Batch(rows=tensors(rows), places=None, labels=self._labels(places), others=others, shares=shares)


_HELD_BACK, _ORDER, _CHANGED = range(3)
"""What a stream of random numbers is for; two streams of one seed have nothing in common."""


def _mixed(rows: dict[str, Array], others: dict[str, Array], share: Array) -> dict[str, Array]:
    """Give sums of two rows each. Source: Zhang et al., mixup, 2018, with a uniform share."""

    def over(array: Array) -> Array:
        return share.reshape(-1, *[1] * (array.ndim - 1))

    return {name: (1 - over(array)) * array + over(array) * others[name] for name, array in rows.items()}


def _checked(changed: dict[str, Array], rows: dict[str, Array]) -> dict[str, Array]:
    """Give rows that a user's function changed.

    Raises:
        DataError: when it gave other inputs, dtypes or shapes, or what is not finite.
    """
    wanted = {name: (array.dtype.name, array.shape) for name, array in rows.items()}
    got = {name: (array.dtype.name, array.shape) for name, array in changed.items()}
    if wanted != got:
        raise DataError(f"augment gave {got}, expected {wanted}", hint="it changes the numbers of rows alone")
    for name, array in changed.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DataError(f"augment gave NaN or infinities for input {name!r}")
    return changed
