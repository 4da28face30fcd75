"""A float model that learns: its weights are its own constants."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Model
from .function import Function
from .material import Array
from .weights import arrays_of, learnable, put_back


class Plain:
    """A `Student` whose weights are the constants that its layers multiply by or add."""

    def __init__(self, model: Model) -> None:
        """`model` is changed in place when the weights are put."""
        self.model = model
        self.start: Mapping[str, Array] = arrays_of(learnable(model.graph))

    def function(self, rows: Mapping[str, Array], tapped: tuple[str, ...]) -> Function:
        """Give what it computes.

        Raises:
            RefusedError: when PyTorch cannot say some node; the message names it.
        """
        return Function.of(self.model, rows, weights=tuple(self.start), tapped=tapped)

    def put(self, weights: Mapping[str, Array]) -> None:
        """Let the constants be these."""
        put_back(self.model.ir, weights)
