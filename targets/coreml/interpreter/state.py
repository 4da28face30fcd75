"""States: values that outlive a call (iOS 18)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import MAX_ELEMENTS, listed, matches
from .dtypes import storage
from .program import TensorType

Array = NDArray[Any]


class State:
    """One state: what `read_state` reads and `write_state` replaces. It begins with zeros, as Core ML makes it."""

    def __init__(self, name: str, declared: TensorType) -> None:
        """Make a state of a declared type.

        Raises:
            ValueError: when the type has no known shape, or more elements than any device holds.
        """
        sizes = [size for size in declared.shape or () if size is not None]
        if declared.shape is None or len(sizes) != len(declared.shape) or math.prod(sizes) > MAX_ELEMENTS:
            raise ValueError(f"a state {name!r} of {listed(declared.shape)} cannot be made")
        self.name, self.declared = name, declared
        self._value: Array = np.zeros(sizes, storage(declared.dtype))

    @property
    def value(self) -> Array:
        """Its content."""
        return self._value

    @value.setter
    def value(self, value: Array) -> None:
        dtype, shape = storage(self.declared.dtype), self.declared.shape
        if value.dtype != dtype or not matches(value.shape, shape):
            raise ValueError(f"state {self.name!r} is {dtype}{listed(shape)}, got {value.dtype}{list(value.shape)}")
        self._value = value


class States(Mapping[str, Array]):
    """The states of a session by name. What is given and taken is a copy."""

    def __init__(self, states: Mapping[str, State]) -> None:
        """Take the states themselves."""
        self._states = states

    def __getitem__(self, name: str) -> Array:
        return np.array(self._states[name].value)

    def __setitem__(self, name: str, value: Array) -> None:
        """Replace a state.

        Raises:
            KeyError: when there is no such state.
            ValueError: when the value is of another dtype or shape.
        """
        self._states[name].value = np.array(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)
