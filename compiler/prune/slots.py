"""Slots: what structured pruning keeps or takes as one.

The output channels of every layer are numbered. Channels that are added together, or that a reshape mixes, can only go
together: they are tied into one slot. A slot that reaches what cannot change, an output of the model say, is fixed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

FIXED: Final = 0
"""The slot of everything that stays."""


class Slots:
    """Numbers that are tied together, by union and find (Tarjan, 1975)."""

    def __init__(self) -> None:
        """Nothing but the fixed slot."""
        self._parent = [FIXED]

    def __len__(self) -> int:
        """How many there are, the fixed one among them."""
        return len(self._parent)

    def new(self, count: int) -> Ids:
        """Give so many slots of their own."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        return np.arange(first, first + count)

    def tie(self, some: Ids, others: Ids) -> None:
        """Let two arrays of equal shape, element by element, go together."""
        pairs = np.unique(np.stack([some.ravel(), others.ravel()]), axis=1)
        for one, other in pairs.T.tolist():
            first, second = sorted((self._root(one), self._root(other)))
            self._parent[second] = first  # the least is the root, so what is tied to FIXED is FIXED

    def fix(self, ids: Ids) -> None:
        """Let these stay."""
        self.tie(ids, np.full_like(ids, FIXED))

    def roots(self, ids: Ids) -> Ids:
        """Give for each the number that all tied with it share."""
        distinct, places = np.unique(ids, return_inverse=True)
        return np.array([self._root(number) for number in distinct.tolist()], np.int64)[places].reshape(ids.shape)

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = number = self._parent[self._parent[number]]
        return number
