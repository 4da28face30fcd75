"""Passes that need to know what values a model's tensors take."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Self

from ...vocabulary.errors import ToolError
from ..passes.base import Pass
from ..passes.editing import Array
from .ranges import Ranges
from .scheme import Scheme


class InformedPass(Pass):
    """A pass that reads the ranges of the model that it is applied to, or the scheme of the target that asks for it."""

    needs_ranges: bool = True
    """Whether it cannot work without ranges. An option may make that so or not."""

    needs_moments: bool = False
    """Whether it cannot work without second moments (`moments.second_moments`). An option may make that so or not."""

    _ranges: Ranges | None = None
    _scheme: Scheme | None = None
    _moments: Mapping[str, Array] | None = None

    def informed(
        self, ranges: Ranges | None, scheme: Scheme | None, moments: Mapping[str, Array] | None = None
    ) -> Self:
        """Give this pass with the ranges and moments of the model that it will be applied to, and the scheme."""
        told = copy(self)
        told._ranges, told._scheme, told._moments = ranges, scheme, moments
        return told

    @property
    def ranges(self) -> Ranges:
        """The ranges.

        Raises:
            ToolError: when the pass was not given any, which is a bug of the caller.
        """
        if self._ranges is None:
            raise ToolError(f"{self.name} was applied without the ranges of its model")
        return self._ranges

    @property
    def scheme(self) -> Scheme:
        """The scheme.

        Raises:
            ToolError: when the pass was not given one, which is a bug of the caller.
        """
        if self._scheme is None:
            raise ToolError(f"{self.name} was applied without the scheme of a target")
        return self._scheme

    @property
    def moments(self) -> Mapping[str, Array]:
        """The second moments, by the names of weights.

        Raises:
            ToolError: when the pass was not given any, which is a bug of the caller.
        """
        if self._moments is None:
            raise ToolError(f"{self.name} was applied without the second moments of its model")
        return self._moments
