"""A hub node as arithmetic of every language sees it: its attributes, and what is known of its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .attributes import Attributes
from .refused import Refused

Array = NDArray[Any]


class Operands(Attributes, ABC):
    """Inputs by their presence, sizes and constants, whatever stands for them in a language.

    `opset` is the version of the node's own domain.
    """

    inputs: tuple[Any, ...]
    opset: int

    @abstractmethod
    def sizes(self, index: int = 0) -> tuple[Any, ...]:
        """Give the size of every axis of an input; what is no number is known only at run time.

        Raises:
            Refused: when not even the number of axes is known.
        """

    @abstractmethod
    def constant(self, index: int, what: str) -> Array:
        """Give the array of an input that must be constant; `what` is its name for the refusal.

        Raises:
            Refused: when it is not.
        """

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def constant_ints(self, index: int, what: str) -> list[int] | None:
        """Give a constant integer input as numbers, None when it is not given.

        Raises:
            Refused: when it is not constant.
        """
        return [int(number) for number in self.constant(index, what).ravel()] if self.has(index) else None

    def known_sizes(self, index: int = 0) -> tuple[int | None, ...]:
        """Give the size of every axis of an input, None for one that is known only at run time.

        Raises:
            Refused: when not even the number of axes is known.
        """
        return tuple(int(size) if isinstance(size, int | np.integer) else None for size in self.sizes(index))

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Give the shape of an input.

        Raises:
            Refused: when a size is known only at run time.
        """
        sizes = self.known_sizes(index)
        fixed = tuple(size for size in sizes if size is not None)
        if len(fixed) < len(sizes):
            raise Refused("it needs a fixed shape here, and a size of its input is known only at run time")
        return fixed

    def rank(self, index: int = 0) -> int:
        """Give the number of axes of an input.

        Raises:
            Refused: when it is not known.
        """
        return len(self.sizes(index))

    def axis(self, default: int, index: int = 0) -> int:
        """Read the attribute `axis`, counted from the front."""
        return self.integer("axis", default) % max(self.rank(index), 1)
