"""A loaded package, called by the source's names, whoever runs it: Core ML or the interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ..runtime import Array
from .calling import Calling, Kept, Scores

HALF_MAX = float(np.finfo(np.float16).max)


class States(Protocol):
    """What lies between calls: float16 arrays by name."""

    def __getitem__(self, name: str, /) -> Array:
        """Read a state."""
        ...

    def __setitem__(self, name: str, value: Array, /) -> None:
        """Replace a state."""
        ...


class Loaded(Protocol):
    """A package that is loaded; names are the package's own.

    A picture is taken as uint8[H, W, 3] in the order red, green, blue, or as uint8[H, W]; what a classifier gives by
    label comes as a dictionary.
    """

    @property
    def states(self) -> States:
        """What lies between calls."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the package takes.
        """
        ...


class Called:
    """A session by the contract of `targets.runtime`."""

    def __init__(self, loaded: Loaded, calling: Calling) -> None:
        """Take a package, and what it tells of how it is called."""
        self._loaded, self._calling = loaded, calling
        self._own = {source: name for name, source in calling.inputs.items()}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the package takes.
        """
        rest = dict(inputs)
        for kept in self._calling.states:
            self._set(kept, rest.pop(kept.input, None))
        given = {self._own.get(name, name): self._taken(name, array) for name, array in rest.items()}
        outputs = self._loaded.run(given)
        scores = self._calling.scores
        found = {
            self._calling.outputs.get(name, name): np.asarray(array)
            for name, array in outputs.items()
            if scores is None or name not in (scores.probabilities, scores.label)
        }
        if scores is not None:
            found[scores.source] = _in_order(outputs[scores.probabilities], scores)
        for kept in self._calling.states:
            found[kept.output] = self._loaded.states[kept.name].astype(kept.dtype)
        return found

    def _set(self, kept: Kept, array: Array | None) -> None:
        """Put an input into the state that stands for it."""
        shape = self._loaded.states[kept.name].shape
        if array is None or array.shape != shape or array.dtype.name != kept.dtype:
            got = "nothing" if array is None else f"{array.dtype}{list(array.shape)}"
            raise ValueError(f"input {kept.input!r} is {kept.dtype}{list(shape)}, got {got}")
        beyond = np.isfinite(array) & (np.abs(array) > HALF_MAX)
        if beyond.any():
            raise ValueError(
                f"input {kept.input!r}: a state holds float16, and {array[beyond].ravel()[0]:g} is beyond it"
            )
        self._loaded.states[kept.name] = array.astype(np.float16)

    def _taken(self, name: str, array: Array) -> Array:
        """Give a picture as it is taken: uint8[1, C, H, W] → uint8[H, W, 3] of red, green and blue, or uint8[H, W]."""
        order = self._calling.pictures.get(name)
        if order is None:
            return array
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[:2] != (1, len(order)):
            raise ValueError(
                f"input {name!r} is uint8[1, {len(order)}, height, width], got {array.dtype}{list(array.shape)}"
            )
        if order == "L":
            return np.asarray(array[0, 0])
        return np.ascontiguousarray((array[0, ::-1] if order == "BGR" else array[0]).transpose(1, 2, 0))


def _in_order(by_label: Mapping[str, float], scores: Scores) -> Array:
    """Give scores in the order of their labels."""
    return np.asarray([by_label[label] for label in scores.labels], np.float32).reshape(tuple(scores.shape))
